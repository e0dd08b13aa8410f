//! Whole parts fail for some time, several at once.

use super::{dice::Dice, world::World};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Makes trouble for as long as the climate has it, and returns when all is mended.
pub(super) async fn run(world: &Arc<World>, dice: Dice) {
    let until = Instant::now() + world.climate.lasts;
    let mut troubles = JoinSet::new();
    while Instant::now() < until {
        sleep(dice.ms(300, 4000)).await;
        if world.climate.troubles {
            troubles.spawn(trouble(Arc::clone(world), dice.fork()));
        }
    }
    while let Some(ended) = troubles.join_next().await {
        ended.unwrap();
    }
}

async fn trouble(world: Arc<World>, dice: Dice) {
    let (kind, name) = *dice.pick(&[
        (Trouble::StoreAway, "the store is away"),
        (Trouble::RegisterDies, "a register dies"),
        (Trouble::RegisterStops, "a register stands still"),
        (Trouble::NodeCut, "a node is cut off"),
        (Trouble::NodeDies, "a node dies"),
        (Trouble::EventsPause, "events wait"),
        (Trouble::EventsEnd, "subscriptions end"),
        (Trouble::SfuStops, "an SFU stands still"),
        (Trouble::SfuDies, "an SFU dies"),
    ]);
    world.record.note(|| format!("TROUBLE: {name}"));
    world.record.fault();
    make(kind, &world, &dice).await;
    world.record.note(|| format!("mended: {name}"));
    world.record.fault();
}

#[derive(Clone, Copy)]
enum Trouble {
    StoreAway,
    RegisterDies,
    RegisterStops,
    NodeCut,
    NodeDies,
    EventsPause,
    EventsEnd,
    SfuStops,
    SfuDies,
}

async fn make(kind: Trouble, world: &World, dice: &Dice) {
    let (register, node) = (dice.pick(&world.registers), dice.pick(&world.nodes));
    let sfu = dice.pick(&world.sfus);
    let (short, long) = (dice.ms(300, 6000), dice.ms(1000, 17_000));
    match kind {
        Trouble::StoreAway => {
            let _away = world.outage.shut();
            sleep(short).await;
        }
        Trouble::RegisterDies => {
            let mut register = register.lock().await;
            register.die(dice.chance(500));
            sleep(short).await;
            register.start().await;
        }
        Trouble::RegisterStops => {
            let standstill = register.lock().await.standstill();
            let _still = standstill.shut();
            sleep(long).await;
        }
        Trouble::NodeCut => {
            let cut = node.lock().site.cut.clone();
            let ear = Arc::clone(&node.lock().ear);
            let _cut = cut.shut();
            ear.pause(long).await;
        }
        Trouble::NodeDies => {
            node.lock().die();
            sleep(long).await;
            node.lock().start();
        }
        Trouble::EventsPause => {
            let ear = Arc::clone(&node.lock().ear);
            ear.pause(short).await;
        }
        Trouble::EventsEnd => node.lock().ear.hang_up(),
        Trouble::SfuStops => {
            let _still = sfu.standstill.shut();
            sleep(Duration::min(short, Duration::from_secs(4))).await;
        }
        Trouble::SfuDies => sfu.restart(short).await,
    }
}
