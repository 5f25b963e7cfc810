/** @typedef {Record<string, Record<string, number>>} Offsets next offset by topic and partition */

/** @typedef {{offsets: Offsets, partitions: {answered: number}}} Standing where an answer or an event stands */

/** Whether an answer is as far as an event, and of as many partitions. @param {Standing} answer @param {Standing} event */
export const isAsFar = (answer, event) =>
  answer.partitions?.answered === event.partitions.answered && reaches(answer.offsets, event.offsets);

/** Whether what stands at `offsets` has everything below `floor`. @param {Offsets} offsets @param {Offsets} floor */
export const reaches = (offsets, floor) =>
  Object.entries(floor).every(([topic, partitions]) =>
    Object.entries(partitions).every(([partition, offset]) => (offsets[topic]?.[partition] ?? 0) >= offset),
  );

/** Records of a topic below these offsets. @param {Offsets} offsets */
export const total = (offsets, topic) => Object.values(offsets[topic] ?? {}).reduce((sum, offset) => sum + offset, 0);
