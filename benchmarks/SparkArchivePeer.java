// The work of our archive in Spark Structured Streaming: every record of the five topics, raw and as the event's typed
// columns, into Parquet on HDFS, once. Of an event it parses what it knows; ours also checks bounds, says of a record
// that is no event why, and adds Bloom filters.
//
//     java --class-path JARS benchmarks/SparkArchivePeer.java BOOTSTRAP ROOT FOLDER
//
// Says `ready` once Spark stands and `durable` once all that Kafka had is in ROOT; then waits to be ended. Where a setting
// is not the default, the reason is beside it.

import java.util.concurrent.CountDownLatch;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

public final class SparkArchivePeer {

    static final String TOPICS = "produit-consulte,article-ajoute,commande-validee,paiement-accepte,stock-mis-a-jour";

    static final String EVENT =
            """
            timestamp TIMESTAMP, id_produit BIGINT, nom_produit STRING, quantite BIGINT, prix DOUBLE, user_id BIGINT,
            id_commande STRING, articles ARRAY<STRUCT<id_produit: BIGINT, quantite: BIGINT, prix: DOUBLE>>,
            montant_total DOUBLE, montant DOUBLE, moyen_paiement STRING, stock BIGINT
            """;

    static final String[] COLUMNS = {
        "topic",
        "to_date(kafka_timestamp) AS date",
        "kafka_partition",
        "kafka_offset",
        "kafka_timestamp",
        "kafka_key",
        "value",
        "event.timestamp AS event_time",
        "event.id_produit",
        "event.nom_produit",
        "event.quantite",
        "event.prix",
        "CAST(rint(event.prix * 100) AS BIGINT) AS prix_cents",
        "event.user_id",
        "event.id_commande",
        """
        transform(event.articles, line -> named_struct('id_produit', line.id_produit, 'quantite', line.quantite,
            'prix', line.prix, 'prix_cents', CAST(rint(line.prix * 100) AS BIGINT))) AS articles
        """,
        "event.montant_total",
        "CAST(rint(event.montant_total * 100) AS BIGINT) AS montant_total_cents",
        "event.montant",
        "CAST(rint(event.montant * 100) AS BIGINT) AS montant_cents",
        "event.moyen_paiement",
        "event.stock",
    };

    public static void main(String[] arguments) throws Exception {
        SparkSession spark = session(arguments[2]);
        System.out.println("ready");
        StreamingQuery query = columns(records(spark, arguments[0]))
                .writeStream()
                .format("parquet")
                .option("path", arguments[1])
                .option("checkpointLocation", arguments[1] + "/_checkpoint")
                .partitionBy("topic", "date")
                .trigger(Trigger.AvailableNow())
                .start();
        query.awaitTermination();
        System.out.println("durable");
        new CountDownLatch(1).await();
    }

    static SparkSession session(String folder) {
        SparkSession spark = SparkSession.builder()
                .master("local[2]")
                .appName("archive")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.local.dir", folder)
                .config("spark.sql.warehouse.dir", folder)
                .config("spark.ui.enabled", "false")
                .config("spark.sql.session.timeZone", "UTC")
                // as ours: snappy, the default, makes larger files
                .config("spark.sql.parquet.compression.codec", "zstd")
                // there is one DataNode, and it is reached by the name that it gives itself
                .config("spark.hadoop.dfs.replication", "1")
                .config("spark.hadoop.dfs.client.use.datanode.hostname", "true")
                .getOrCreate();
        spark.sparkContext().setLogLevel("ERROR");
        return spark;
    }

    static Dataset<Row> records(SparkSession spark, String bootstrap) {
        return spark.readStream()
                .format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("subscribe", TOPICS)
                .option("startingOffsets", "earliest")
                .load();
    }

    static Dataset<Row> columns(Dataset<Row> records) {
        return records.selectExpr(
                        "topic",
                        "partition AS kafka_partition",
                        "offset AS kafka_offset",
                        "timestamp AS kafka_timestamp",
                        "key AS kafka_key",
                        "value",
                        "from_json(CAST(value AS STRING), '" + EVENT + "') AS event")
                .selectExpr(COLUMNS);
    }
}
