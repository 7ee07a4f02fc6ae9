// The test pattern's strip, read from the picture on screen: when the frame was made. 48 cells of equal width along the bottom:
// 42 bits of UTC milliseconds, the highest first, and 6 that check them (the exclusive or of the seven groups of six, and of 101010).

/** Runs in the page: gives `readStrip(video)`, the UTC milliseconds that the frame on screen tells, or null. */
export const stripReader = `
  const STRIP_SHARE = 20, CELLS = 48, CHECK_MASK = 0b101010;
  const strip = new OffscreenCanvas(CELLS * 8, 3);
  const pen = strip.getContext("2d", { willReadFrequently: true });
  function readStrip(video) {
    const { videoWidth: width, videoHeight: height } = video;
    if (!width) return null;
    // The middle third of its rows: away from what the encoder smears.
    const rows = Math.floor(height / STRIP_SHARE), first = height - rows + Math.floor(rows / 3);
    pen.drawImage(video, 0, first, width, Math.max(1, Math.floor(rows / 3)), 0, 0, strip.width, strip.height);
    const { data } = pen.getImageData(0, 1, strip.width, 1);
    const bits = [];
    for (let cell = 0; cell < CELLS; cell++) {
      let sum = 0;
      for (let x = cell * 8 + 2; x < cell * 8 + 6; x++) sum += data[x * 4 + 1];
      bits.push(sum > 4 * 127 ? 1 : 0);
    }
    const number = (from, count) => bits.slice(from, from + count).reduce((value, bit) => value * 2 + bit, 0);
    let check = CHECK_MASK;
    for (let group = 0; group < 7; group++) check ^= number(group * 6, 6);
    return check === number(42, 6) ? number(0, 42) : null;
  }`;
