// Limits along frequency as people write them, and as `aeden clean --bands` takes them: 0:10, 2000:30.

/** The nodes of a text, [hertz, decibels] each. What is no number is refused with a RangeError; bounds are for who cleans. */
export function parse(text) {
  return text.split(',').filter((part) => part.trim()).map((part) => {
    const numbers = part.split(':').map((number) => (number.trim() ? Number(number) : NaN));
    if (numbers.length !== 2 || !numbers.every(Number.isFinite)) {
      throw new RangeError(`“${part.trim()}” is no band: write hertz:decibels, such as 0:10, 2000:30`);
    }
    return numbers;
  });
}

/** The text of nodes. */
export function written(nodes) {
  return nodes.map((node) => node.join(':')).join(',');
}
