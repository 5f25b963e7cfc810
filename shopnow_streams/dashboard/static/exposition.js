const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/**
 * Samples of one name in Prometheus text.
 * @returns {{labels: Record<string, string>, value: number}[]}
 */
export function samples(text, name) {
  const found = [];
  for (const line of text.split("\n")) {
    const match = line.startsWith(name) ? SAMPLE.exec(line) : null;
    if (match?.[1] !== name) continue;
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(LABEL)].map(([, label, value]) => [label, value]));
    found.push({ labels, value: Number(match[3]) });
  }
  return found;
}
