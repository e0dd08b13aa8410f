//! A call that goes on while others attack.

use peer::Server;

#[test]
fn the_server_starts_and_ends_without_alarm() {
    drop(Server::start());
}
