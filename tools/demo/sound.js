// The browser's microphone and ear as a handset's: 48 kHz mono s16le, 10 ms at a time out, whatever comes in.
const prime = 48000 * 0.06, most = 48000 * 0.25;

class Handset extends AudioWorkletProcessor {
  constructor() {
    super();
    this.out = new Int16Array(480);
    this.filled = 0;
    this.queue = [];
    this.queued = 0;
    this.at = 0;
    this.primed = false;
    this.port.onmessage = e => {
      const frame = new Int16Array(e.data);
      this.queue.push(frame);
      this.queued += frame.length;
      while (this.queued > most) this.drop();
    };
  }

  drop() {
    this.queued -= this.queue[0].length - this.at;
    this.queue.shift();
    this.at = 0;
  }

  process(inputs, outputs) {
    const mic = inputs[0][0], ear = outputs[0][0];
    for (let i = 0; i < ear.length; i++) {
      const x = mic ? Math.max(-1, Math.min(1, mic[i])) : 0;
      this.out[this.filled++] = x * 32767;
      if (this.filled === this.out.length) {
        const frame = this.out;
        this.out = new Int16Array(480);
        this.filled = 0;
        this.port.postMessage(frame.buffer, [frame.buffer]);
      }
    }
    if (this.queued < ear.length) this.primed = false;
    else if (this.queued >= prime) this.primed = true;
    for (let i = 0; this.primed && i < ear.length; i++) {
      ear[i] = this.queue[0][this.at++] / 32768;
      this.queued--;
      if (this.at === this.queue[0].length) { this.queue.shift(); this.at = 0; }
    }
    return true;
  }
}
registerProcessor('handset', Handset);
