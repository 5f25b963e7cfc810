// The work of our live side in Kafka Streams: the same five topics, tables, columns and guarantee. Of an event it checks
// that it is JSON with fields of the right types; ours also checks bounds, and says on a topic what it rejected.
//
//     java --class-path JARS benchmarks/KafkaStreamsPeer.java BOOTSTRAP APPLICATION_ID STATE_FOLDER
//
// Runs until SIGTERM, and says nothing unless it fails. Where a setting is not the default, the reason is beside it.

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

public final class KafkaStreamsPeer {

    public static void main(String[] arguments) throws InterruptedException {
        CountDownLatch failed = new CountDownLatch(1);
        KafkaStreams streams = new KafkaStreams(topology(), settings(arguments[0], arguments[1], arguments[2]));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((state, before) -> {
            if (state == KafkaStreams.State.ERROR) failed.countDown();
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
        failed.await();
        System.exit(1);
    }

    static Properties settings(String bootstrap, String applicationId, String stateFolder) {
        Properties settings = new Properties();
        settings.putAll(Map.of(
                StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap,
                StreamsConfig.APPLICATION_ID_CONFIG, applicationId,
                StreamsConfig.STATE_DIR_CONFIG, stateFolder,
                StreamsConfig.REPLICATION_FACTOR_CONFIG, 1,
                StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2,
                // as often as ours; with exactly once the default is ten times as many transactions
                StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000,
                StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2,
                // what is no event is skipped
                StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, LogAndContinueExceptionHandler.class));
        settings.putAll(Map.of(
                // room for every row that changes between two commits: each is then written once a commit
                StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 128L << 20,
                // the tables are the same for any order of events, so no topic has to wait for another's
                StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED,
                // a poll brings more, and fetching does not pause after every thousand records of a partition
                StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000,
                StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000,
                StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4",
                StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10));
        return settings;
    }

    /** One sub-topology: a task is a partition number with all its topics and tables. Nothing is repartitioned. */
    static Topology topology() {
        Topology topology = new Topology();
        flow(topology, "produit-consulte", Viewed.class, KafkaStreamsPeer::viewed);
        flow(topology, "article-ajoute", Added.class, KafkaStreamsPeer::added);
        flow(topology, "commande-validee", Placed.class, KafkaStreamsPeer::placed);
        flow(topology, "paiement-accepte", Paid.class, KafkaStreamsPeer::paid);
        flow(topology, "stock-mis-a-jour", Counted.class, KafkaStreamsPeer::counted);
        table(topology, "products", Serdes.Long(), Product::bytes, Product::new);
        table(topology, "stock", Serdes.Long(), Stock::bytes, Stock::new);
        table(topology, "orders", Serdes.String(), Order::bytes, Order::new);
        table(topology, "hours", Serdes.Long(), Hour::bytes, Hour::new);
        return topology;
    }

    static <E> void flow(Topology topology, String topic, Class<E> type, Fold<E> fold) {
        topology.addSource(topic, new ByteArrayDeserializer(), json(type), topic);
        topology.addProcessor("fold-" + topic, () -> new Folding<>(fold), topic);
    }

    /** In RocksDB, behind the cache and with a changelog. */
    static <K, R> void table(
            Topology topology, String name, Serde<K> keys, Function<R, byte[]> bytes, Function<ByteBuffer, R> row) {
        Serde<R> rows = Serdes.serdeFrom(
                (topic, value) -> bytes.apply(value),
                (topic, value) -> value == null ? null : row.apply(ByteBuffer.wrap(value)));
        StoreBuilder<KeyValueStore<K, R>> store =
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), keys, rows)
                        .withCachingEnabled()
                        .withLoggingEnabled(Map.of());
        topology.addStateStore(store, FOLDS);
    }

    static final String[] FOLDS = {
        "fold-produit-consulte", "fold-article-ajoute", "fold-commande-validee", "fold-paiement-accepte",
        "fold-stock-mis-a-jour"
    };

    // ---- folds

    /** One event into the rows that it touches. */
    interface Fold<E> {
        void into(Tables tables, E event);
    }

    record Tables(
            KeyValueStore<Long, Product> products,
            KeyValueStore<Long, Stock> stock,
            KeyValueStore<String, Order> orders,
            KeyValueStore<Long, Hour> hours) {}

    static final class Folding<E> implements Processor<byte[], E, Void, Void> {
        private final Fold<E> fold;
        private Tables tables;

        Folding(Fold<E> fold) {
            this.fold = fold;
        }

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            tables = new Tables(
                    context.getStateStore("products"),
                    context.getStateStore("stock"),
                    context.getStateStore("orders"),
                    context.getStateStore("hours"));
        }

        @Override
        public void process(Record<byte[], E> record) {
            fold.into(tables, record.value());
        }
    }

    static void viewed(Tables tables, Viewed event) {
        change(tables.products, event.id_produit, Product::new, product -> {
            product.views++;
            product.name(event.nom_produit, event.timestamp);
        });
        change(tables.hours, hour(event.timestamp), Hour::new, hour -> hour.views++);
    }

    static void added(Tables tables, Added event) {
        change(tables.products, event.id_produit, Product::new, product -> {
            product.adds++;
            product.unitsAdded += event.quantite;
            product.name(event.nom_produit, event.timestamp);
        });
        change(tables.hours, hour(event.timestamp), Hour::new, hour -> hour.adds++);
    }

    static void placed(Tables tables, Placed event) {
        long units = 0;
        for (Line line : event.articles) {
            units += line.quantite;
            change(tables.products, line.id_produit, Product::new, product -> {
                product.orderLines++;
                product.unitsSold += line.quantite;
                product.revenueCents += line.quantite * cents(line.prix);
            });
        }
        long cents = cents(event.montant_total), ordered = units;
        change(tables.orders, event.id_commande, Order::new, order -> order.place(event, cents, ordered));
        change(tables.hours, hour(event.timestamp), Hour::new, hour -> {
            hour.orders++;
            hour.placedCents += cents;
        });
    }

    static void paid(Tables tables, Paid event) {
        long cents = cents(event.montant);
        change(tables.orders, event.id_commande, Order::new, order -> {
            order.paidAt = Math.max(order.paidAt, event.timestamp);
            order.paidCents += cents;
            order.payments++;
        });
        change(tables.hours, hour(event.timestamp), Hour::new, hour -> {
            hour.payments++;
            hour.paidCents += cents;
        });
    }

    static void counted(Tables tables, Counted event) {
        change(tables.stock, event.id_produit, Stock::new, level -> {
            level.counts++;
            boolean newer = event.timestamp > level.countedAt;
            if (newer || event.timestamp == level.countedAt && event.stock < level.units) {
                level.units = event.stock;
                level.countedAt = event.timestamp;
            }
        });
    }

    static <K, R> void change(KeyValueStore<K, R> table, K key, Supplier<R> empty, Consumer<R> change) {
        R row = table.get(key);
        if (row == null) row = empty.get();
        change.accept(row);
        table.put(key, row);
    }

    static long cents(double euros) {
        return (long) Math.rint(euros * 100);
    }

    static long hour(long micros) {
        return Math.floorDiv(micros, 3_600_000_000L);
    }

    // ---- rows; moments are microseconds since 1970, NEVER before all

    static final long NEVER = Long.MIN_VALUE;

    static final class Product {
        String name = "";
        long namedAt = NEVER, views, adds, unitsAdded, orderLines, unitsSold, revenueCents;

        Product() {}

        Product(ByteBuffer row) {
            namedAt = row.getLong();
            views = row.getLong();
            adds = row.getLong();
            unitsAdded = row.getLong();
            orderLines = row.getLong();
            unitsSold = row.getLong();
            revenueCents = row.getLong();
            name = new String(row.array(), row.position(), row.remaining(), UTF_8);
        }

        byte[] bytes() {
            byte[] name = this.name.getBytes(UTF_8);
            return ByteBuffer.allocate(7 * 8 + name.length)
                    .putLong(namedAt).putLong(views).putLong(adds).putLong(unitsAdded)
                    .putLong(orderLines).putLong(unitsSold).putLong(revenueCents).put(name).array();
        }

        void name(String name, long at) {
            if (at > namedAt || at == namedAt && name.compareTo(this.name) > 0) {
                this.name = name;
                namedAt = at;
            }
        }
    }

    static final class Stock {
        long units, countedAt = NEVER, counts;

        Stock() {}

        Stock(ByteBuffer row) {
            units = row.getLong();
            countedAt = row.getLong();
            counts = row.getLong();
        }

        byte[] bytes() {
            return ByteBuffer.allocate(3 * 8).putLong(units).putLong(countedAt).putLong(counts).array();
        }
    }

    static final class Order {
        long userId = -1, placedAt = NEVER, placedCents, units, placements, paidAt = NEVER, paidCents, payments;

        Order() {}

        Order(ByteBuffer row) {
            userId = row.getLong();
            placedAt = row.getLong();
            placedCents = row.getLong();
            units = row.getLong();
            placements = row.getLong();
            paidAt = row.getLong();
            paidCents = row.getLong();
            payments = row.getLong();
        }

        byte[] bytes() {
            return ByteBuffer.allocate(8 * 8)
                    .putLong(userId).putLong(placedAt).putLong(placedCents).putLong(units).putLong(placements)
                    .putLong(paidAt).putLong(paidCents).putLong(payments).array();
        }

        /** The newest placement stands; of two of the same instant, the one with the larger amount. */
        void place(Placed event, long cents, long units) {
            if (event.timestamp > placedAt || event.timestamp == placedAt && cents > placedCents) {
                userId = event.user_id;
                placedAt = event.timestamp;
                placedCents = cents;
                this.units = units;
            }
            placements++;
        }
    }

    static final class Hour {
        long views, adds, orders, placedCents, payments, paidCents;

        Hour() {}

        Hour(ByteBuffer row) {
            views = row.getLong();
            adds = row.getLong();
            orders = row.getLong();
            placedCents = row.getLong();
            payments = row.getLong();
            paidCents = row.getLong();
        }

        byte[] bytes() {
            return ByteBuffer.allocate(6 * 8)
                    .putLong(views).putLong(adds).putLong(orders).putLong(placedCents)
                    .putLong(payments).putLong(paidCents).array();
        }
    }

    // ---- events, as they stand on the wire; fields and not records, which Jackson takes longer for

    static final class Viewed {
        public long id_produit;
        public String nom_produit;
        public double prix;
        public Long user_id;
        @JsonDeserialize(using = Micros.class) public long timestamp;
    }

    static final class Added {
        public long id_produit;
        public String nom_produit;
        public long quantite;
        public double prix;
        public long user_id;
        @JsonDeserialize(using = Micros.class) public long timestamp;
    }

    static final class Line {
        public long id_produit;
        public long quantite;
        public double prix;
    }

    static final class Placed {
        public String id_commande;
        public long user_id;
        public List<Line> articles;
        public double montant_total;
        @JsonDeserialize(using = Micros.class) public long timestamp;
    }

    static final class Paid {
        public String id_commande;
        public long user_id;
        public double montant;
        public String moyen_paiement;
        @JsonDeserialize(using = Micros.class) public long timestamp;
    }

    static final class Counted {
        public long id_produit;
        public long stock;
        public String nom_produit;
        @JsonDeserialize(using = Micros.class) public long timestamp;
    }

    static <E> Deserializer<E> json(Class<E> type) {
        ObjectReader reader = JSON.readerFor(type);
        return (topic, value) -> {
            try {
                return reader.readValue(value);
            } catch (IOException | RuntimeException error) {
                throw new SerializationException("no event of " + topic, error);
            }
        };
    }

    static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** An ISO 8601 moment with an offset, as microseconds since 1970. */
    static final class Micros extends JsonDeserializer<Long> {
        @Override
        public Long deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            String text = parser.getText();
            if (text.endsWith("+00:00")) {
                // what the load has, by hand: java.time's parser takes as long as everything else that is done here
                int end = text.length() - 6;
                if (end == 19 || end == 26 && text.charAt(19) == '.') {
                    int hour = part(text, 11, 13), minute = part(text, 14, 16), second = part(text, 17, 19);
                    long day = LocalDate.of(part(text, 0, 4), part(text, 5, 7), part(text, 8, 10)).toEpochDay();
                    long seconds = day * 86_400 + LocalTime.of(hour, minute, second).toSecondOfDay();
                    return seconds * 1_000_000 + (end == 19 ? 0 : part(text, 20, 26));
                }
            }
            OffsetDateTime moment = OffsetDateTime.parse(text);
            return moment.toEpochSecond() * 1_000_000 + moment.getNano() / 1_000;
        }

        private static int part(String text, int begin, int end) {
            return Integer.parseInt(text, begin, end, 10);
        }
    }
}
