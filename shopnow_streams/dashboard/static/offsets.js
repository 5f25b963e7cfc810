/** @typedef {Record<string, Record<string, number>>} Offsets next offset by topic and partition */

/** Whether what stands at `offsets` has everything below `floor`. @param {Offsets} offsets @param {Offsets} floor */
export const reaches = (offsets, floor) =>
  Object.entries(floor).every(([topic, partitions]) =>
    Object.entries(partitions).every(([partition, offset]) => (offsets[topic]?.[partition] ?? 0) >= offset),
  );

/** Records of a topic below these offsets. @param {Offsets} offsets */
export const total = (offsets, topic) => Object.values(offsets[topic] ?? {}).reduce((sum, offset) => sum + offset, 0);
