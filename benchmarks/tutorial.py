"""The peer: one topic into one table, as Faust's tutorial has it, on RocksDB."""

import os

import faust

app = faust.App(
    os.environ["BENCH_APPLICATION"],
    env={},
    broker=f"kafka://{os.environ['BENCH_KAFKA']}",
    store="rocksdb://",
    datadir=os.environ["BENCH_DATA"],
    topic_partitions=4,
    topic_replication_factor=1,
    autodiscover=False,
    web_port=int(os.environ["BENCH_PORT"]),
    broker_commit_interval=1.0,
)
views = app.Table("views", default=int, partitions=4, options={"driver": "rocksdict"})


@app.agent(app.topic("produit-consulte", value_serializer="json"))
async def count(events: faust.StreamT[dict[str, object]]) -> None:
    """`table[key] += 1`, an event at a time."""
    async for event in events:
        views[str(event["id_produit"])] += 1
