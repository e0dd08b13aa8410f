// A drawn person in a drawn room, as a camera: for the README's picture of a call. Runs in the page.

/** @param {{ wall: string[], skin: string, hair: string, shirt: string, cut: string, room: string, speaks: boolean }} look */
export function portraitCamera(look) {
  const WIDTH = 960;
  const HEIGHT = 540;

  function ellipse(pen, x, y, rx, ry, fill) {
    pen.fillStyle = fill;
    pen.beginPath();
    pen.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
    pen.fill();
  }

  function box(pen, x, y, width, height, fill, radius = 6) {
    pen.fillStyle = fill;
    pen.beginPath();
    pen.roundRect(x, y, width, height, radius);
    pen.fill();
  }

  const rooms = {
    window(pen, time) {
      box(pen, 90, 50, 270, 300, '#f6efe0', 10);
      const sky = pen.createLinearGradient(0, 60, 0, 340);
      sky.addColorStop(0, '#8ec9e8');
      sky.addColorStop(1, '#f7e3c0');
      box(pen, 102, 62, 246, 276, sky, 4);
      ellipse(pen, 280, 150, 34, 34, '#fff4cf');
      pen.save();
      pen.beginPath();
      pen.rect(102, 62, 246, 276);
      pen.clip();
      ellipse(pen, 150, 350, 130, 90, '#7fae8c');
      ellipse(pen, 320, 360, 130, 80, '#5f9a80');
      ellipse(pen, 130 + ((time * 6) % 260), 110, 34, 11, 'rgb(255 255 255 / 80%)');
      pen.restore();
      box(pen, 220, 62, 10, 276, '#f6efe0', 0);
      box(pen, 102, 196, 246, 10, '#f6efe0', 0);
      box(pen, 760, 300, 120, 240, '#7b5b45');
      ellipse(pen, 820, 250, 74, 66, '#3f7f63');
      ellipse(pen, 776, 282, 42, 44, '#4f9373');
      ellipse(pen, 862, 280, 44, 46, '#35705a');
    },
    shelf(pen) {
      const backs = ['#d98e2b', '#0b6b64', '#b3564a', '#e8dcc3', '#45608a', '#8aa399'];
      for (const [row, y] of [110, 260, 410].entries()) {
        box(pen, 40, y, 330, 14, '#4a3527', 3);
        box(pen, 640, y, 300, 14, '#4a3527', 3);
        for (let book = 0; book < 9; book += 1) {
          const tall = 60 + ((book * 37 + row * 23) % 38);
          box(pen, 52 + book * 33, y - tall, 24, tall, backs[(book + row) % 6], 3);
          if ((book + row) % 4) box(pen, 652 + book * 31, y - tall * 0.9, 22, tall * 0.9, backs[(book * 2 + row) % 6], 3);
        }
      }
    },
    studio(pen, time) {
      const glow = pen.createRadialGradient(740, 150, 10, 740, 150, 330);
      glow.addColorStop(0, 'rgb(255 214 150 / 75%)');
      glow.addColorStop(1, 'rgb(255 214 150 / 0%)');
      box(pen, 0, 0, WIDTH, HEIGHT, glow, 0);
      pen.fillStyle = '#f4c27a';
      pen.beginPath();
      pen.moveTo(690, 180);
      pen.lineTo(790, 180);
      pen.lineTo(765, 95);
      pen.lineTo(715, 95);
      pen.fill();
      box(pen, 736, 180, 8, 360, '#2c2a33', 2);
      box(pen, 110, 70, 230, 170, '#f1e8da', 4);
      pen.lineWidth = 7;
      for (const [index, colour] of ['#12a192', '#0b5f5a', '#d98e2b'].entries()) {
        pen.strokeStyle = colour;
        pen.beginPath();
        pen.moveTo(130, 155);
        pen.bezierCurveTo(210, 155, 220, 155 + (index - 1) * 55, 322, 155 + (index - 1) * (48 + 2 * Math.sin(time)));
        pen.stroke();
      }
    },
  };

  const hair = {
    bun(pen, x, y, part) {
      if (part === 'behind') {
        ellipse(pen, x, y - 128, 46, 42, look.hair);
        ellipse(pen, x, y - 18, 108, 122, look.hair);
      } else fringe(pen, x, y, 0);
    },
    long(pen, x, y, part) {
      if (part === 'behind') box(pen, x - 122, y - 120, 244, 300, look.hair, 110);
      else fringe(pen, x, y, 26);
    },
    short(pen, x, y, part) {
      if (part === 'behind') ellipse(pen, x, y - 30, 106, 104, look.hair);
      else fringe(pen, x, y, -22);
    },
  };

  function fringe(pen, x, y, lean) {
    pen.fillStyle = look.hair;
    pen.beginPath();
    pen.moveTo(x - 100, y - 8);
    pen.bezierCurveTo(x - 112, y - 168, x + 112, y - 168, x + 100, y - 8);
    pen.bezierCurveTo(x + 84, y - 62, x + 20 + lean, y - 78, x + lean, y - 62);
    pen.bezierCurveTo(x - 30 + lean, y - 50, x - 84, y - 46, x - 100, y - 8);
    pen.fill();
  }

  function face(pen, x, y, time) {
    ellipse(pen, x - 94, y + 8, 14, 22, look.skin);
    ellipse(pen, x + 94, y + 8, 14, 22, look.skin);
    ellipse(pen, x, y, 92, 112, look.skin);
    ellipse(pen, x - 52, y + 34, 22, 14, 'rgb(214 84 70 / 20%)');
    ellipse(pen, x + 52, y + 34, 22, 14, 'rgb(214 84 70 / 20%)');
    const blink = time % 3.7 < 0.14 ? 0.15 : 1;
    for (const side of [-1, 1]) {
      ellipse(pen, x + side * 36, y - 4, 9, 11 * blink, '#2b211c');
      if (blink === 1) ellipse(pen, x + side * 36 + 3, y - 8, 3, 3, '#fff');
      pen.strokeStyle = look.hair;
      pen.lineWidth = 6;
      pen.lineCap = 'round';
      pen.beginPath();
      pen.arc(x + side * 36, y - 6, 28, -2.1, -1.05);
      pen.stroke();
    }
    const open = look.speaks ? 6 + 9 * Math.abs(Math.sin(time * 7)) : 0;
    pen.strokeStyle = '#8c3f38';
    pen.lineWidth = 6;
    pen.fillStyle = '#8c3f38';
    pen.beginPath();
    pen.moveTo(x - 30, y + 46);
    pen.quadraticCurveTo(x, y + 68 + open, x + 30, y + 46);
    if (look.speaks) pen.quadraticCurveTo(x, y + 52, x - 30, y + 46);
    if (look.speaks) pen.fill();
    pen.stroke();
  }

  function paint(pen, time) {
    const wall = pen.createLinearGradient(0, 0, WIDTH, HEIGHT);
    wall.addColorStop(0, look.wall[0]);
    wall.addColorStop(1, look.wall[1]);
    box(pen, 0, 0, WIDTH, HEIGHT, wall, 0);
    rooms[look.room](pen, time);
    const x = WIDTH / 2 + 6 * Math.sin(time * 0.9);
    const y = 225 + 4 * Math.sin(time * 1.7);
    hair[look.cut](pen, x, y, 'behind');
    ellipse(pen, WIDTH / 2, 560, 250, 190, look.shirt);
    box(pen, x - 38, y + 70, 76, 110, look.skin, 34);
    ellipse(pen, WIDTH / 2, 392, 62, 26, look.skin);
    face(pen, x, y, time);
    hair[look.cut](pen, x, y, 'before');
  }

  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
    const pen = canvas.getContext('2d');
    setInterval(() => paint(pen, performance.now() / 1000), 66);
    const context = new AudioContext();
    const out = new MediaStreamAudioDestinationNode(context);
    const tone = new OscillatorNode(context, { frequency: 180 });
    tone.connect(new GainNode(context, { gain: look.speaks ? 0.2 : 0 })).connect(out);
    tone.start();
    return new MediaStream([...canvas.captureStream(15).getTracks(), ...out.stream.getTracks()]);
  };
}
