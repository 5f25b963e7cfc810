// The work of our live side in Kafka Streams: the same five topics, tables, columns and guarantee. Of an event it checks
// that it is JSON with fields of the right types; ours also checks bounds, and says on a topic what it rejected.
//
//     java --class-path JARS benchmarks/KafkaStreamsPeer.java BOOTSTRAP APPLICATION_ID STATE_FOLDER [all]
//
// Runs until SIGTERM, and says nothing unless it fails. Where a setting is not the default, the reason is beside it.
//
// With `all` it keeps activity, shop, shoppers and late as well, by the rules of docs/event-time.md. Where it differs:
//
// - Moments of its watermark are whole milliseconds, as Kafka Streams has them; ours are microseconds.
// - All rows that are due move at once, where ours moves 5,000 of a table in a commit. The rows come to the same.
// - It writes rows in binary, ours in JSON: those of windows are of about the same length.
// - A change reads its row from bytes and makes bytes of it, which is what stores of Kafka Streams hold; ours are
//   objects until a commit. And it asks RocksDB, behind a Bloom filter, for rows of windows that are new; ours knows
//   that they are.
// - Still not kept is the table of rejections, and nobody asks it anything.

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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.datasketches.hll.HllSketch;
import org.apache.datasketches.hll.TgtHllType;
import org.apache.datasketches.hll.Union;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

public final class KafkaStreamsPeer {

    static final Duration COMMIT_INTERVAL = Duration.ofSeconds(1);

    public static void main(String[] arguments) throws InterruptedException {
        boolean all = arguments.length > 3 && arguments[3].equals("all");
        Properties settings = settings(arguments[0], arguments[1], arguments[2]);
        if (all) settings.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, EventTime.class);
        CountDownLatch failed = new CountDownLatch(1);
        KafkaStreams streams = new KafkaStreams(topology(all), settings);
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
                StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_INTERVAL.toMillis(),
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
    static Topology topology(boolean all) {
        Topology topology = new Topology();
        source(topology, "produit-consulte", Viewed.class);
        source(topology, "article-ajoute", Added.class);
        source(topology, "commande-validee", Placed.class);
        source(topology, "paiement-accepte", Paid.class);
        source(topology, "stock-mis-a-jour", Counted.class);
        topology.addProcessor(
                FOLD, () -> new Folding(all),
                "produit-consulte", "article-ajoute", "commande-validee", "paiement-accepte", "stock-mis-a-jour");
        table(topology, "products", Serdes.Long(), Product::bytes, Product::new);
        table(topology, "stock", Serdes.Long(), Stock::bytes, Stock::new);
        table(topology, "orders", Serdes.String(), Order::bytes, Order::new);
        table(topology, "hours", Serdes.Long(), Hour::bytes, Hour::new);
        if (all) windowTables(topology);
        return topology;
    }

    static void windowTables(Topology topology) {
        table(topology, "activity", Window.SERDE, Activity::bytes, Activity::new);
        table(topology, "shop", Window.SERDE, Shop::bytes, Shop::new);
        table(topology, "shoppers", Window.SERDE, Shopper::bytes, Shopper::new);
        table(topology, "late", Serdes.String(), Late::bytes, Late::new);
        table(topology, STANDS, Serdes.String(), Stands::bytes, Stands::new);
    }

    static final String FOLD = "fold", STANDS = "stands";

    static void source(Topology topology, String topic, Class<? extends Event> type) {
        topology.addSource(topic, new ByteArrayDeserializer(), json(type), topic);
    }

    /** In RocksDB, behind the cache and with a changelog. */
    static <K, R> void table(
            Topology topology, String name, Serde<K> keys, Function<R, byte[]> bytes, Function<ByteBuffer, R> row) {
        StoreBuilder<KeyValueStore<K, R>> store =
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), keys, serde(bytes, row))
                        .withCachingEnabled()
                        .withLoggingEnabled(Map.of());
        topology.addStateStore(store, FOLD);
    }

    static <R> Serde<R> serde(Function<R, byte[]> bytes, Function<ByteBuffer, R> row) {
        return Serdes.serdeFrom(
                (topic, value) -> value == null ? null : bytes.apply(value),
                (topic, value) -> value == null ? null : row.apply(ByteBuffer.wrap(value)));
    }

    // ---- folds: one event into the rows that it touches

    record Tables(
            KeyValueStore<Long, Product> products,
            KeyValueStore<Long, Stock> stock,
            KeyValueStore<String, Order> orders,
            KeyValueStore<Long, Hour> hours) {}

    static final class Folding implements Processor<byte[], Event, Void, Void> {
        private final boolean all;
        private ProcessorContext<Void, Void> context;
        private Tables tables;
        private Windows windows;

        Folding(boolean all) {
            this.all = all;
        }

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            this.context = context;
            tables = new Tables(
                    context.getStateStore("products"),
                    context.getStateStore("stock"),
                    context.getStateStore("orders"),
                    context.getStateStore("hours"));
            if (!all) return;
            windows = new Windows(context);
            // as often as there is a commit, as ours moves them; by the minute of event time it would be for each
            // few hundred events of a catch-up
            context.schedule(COMMIT_INTERVAL, PunctuationType.WALL_CLOCK_TIME,
                    now -> windows.advance(context.currentStreamTimeMs()));
        }

        @Override
        public void process(Record<byte[], Event> record) {
            Event event = record.value();
            event.into(tables);
            if (!all) return;
            if (event.late || event.ahead) misdated(windows, event, context.recordMetadata().orElseThrow());
            else event.into(windows);
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

    static void viewed(Windows windows, Viewed event) {
        windows.activity.change(event.timestamp, event.id_produit, row -> {
            row.views++;
            row.visitors.add(event.user_id);
        });
        windows.shop.change(event.timestamp, SHOP, row -> {
            row.views++;
            row.viewers.add(event.user_id);
        });
        if (event.user_id != null) {
            windows.shoppers.change(event.timestamp, event.user_id, row -> row.seen(event.millis(), Visit.PAGE));
        }
    }

    static void added(Windows windows, Added event) {
        windows.activity.change(event.timestamp, event.id_produit, row -> {
            row.adds++;
            row.unitsAdded += event.quantite;
        });
        windows.shop.change(event.timestamp, SHOP, row -> {
            row.adds++;
            row.adders.add(event.user_id);
        });
        windows.shoppers.change(event.timestamp, event.user_id, row -> {
            row.add(new Add(event.millis(), event.id_produit, (int) event.quantite, cents(event.prix)));
            row.seen(event.millis(), Visit.ADD);
        });
    }

    static void placed(Windows windows, Placed event) {
        int units = 0;
        for (Map.Entry<Long, Sold> sold : byProduct(event).entrySet()) {
            units += sold.getValue().units;
            windows.activity.change(event.timestamp, sold.getKey(), row -> {
                row.orders++;
                row.unitsSold += sold.getValue().units;
                row.revenueCents += sold.getValue().cents;
            });
        }
        int ordered = units;
        windows.shop.change(event.timestamp, SHOP, row -> {
            row.orders++;
            row.units += ordered;
            row.placedCents += cents(event.montant_total);
            row.buyers.add(event.user_id);
        });
        windows.shoppers.change(event.timestamp, event.user_id, row -> {
            row.ordered(event.millis());
            row.seen(event.millis(), Visit.ORDER);
        });
    }

    record Sold(int units, long cents) {
        Sold and(Sold more) {
            return new Sold(units + more.units, cents + more.cents);
        }
    }

    /** Two lines of one product are one order of it. */
    static Map<Long, Sold> byProduct(Placed event) {
        Map<Long, Sold> found = new HashMap<>();
        for (Line line : event.articles) {
            Sold sold = new Sold((int) line.quantite, line.quantite * cents(line.prix));
            found.merge(line.id_produit, sold, Sold::and);
        }
        return found;
    }

    static void paid(Windows windows, Paid event) {
        windows.shop.change(event.timestamp, SHOP, row -> {
            row.payments++;
            row.paidCents += cents(event.montant);
            row.payers.add(event.user_id);
        });
        windows.shoppers.change(event.timestamp, event.user_id, row -> row.seen(event.millis(), Visit.PAYMENT));
    }

    static void misdated(Windows windows, Event event, RecordMetadata at) {
        change(windows.late, at.topic(), Late::new, row -> {
            if (event.ahead) row.ahead++;
            else row.late++;
            row.name(new LateEvent(event.arrivedMs, at.partition(), at.offset(), event.timestamp, event.ahead));
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

    // ---- event time

    static final long LATENESS_MS = 3_600_000, SKEW_MS = 60_000;

    /**
     * Says which events are late or ahead. The watermark is Kafka Streams' own partition time: the latest moment so far
     * of a partition of a topic, which it commits with the offsets.
     */
    public static final class EventTime implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> record, long watermark) {
            Event event = (Event) record.value();
            event.arrivedMs = record.timestamp();
            event.ahead = event.millis() > event.arrivedMs + SKEW_MS;
            event.late = !event.ahead && event.millis() < Math.max(0, watermark - LATENESS_MS);
            // what is ahead moves no watermark, and a negative time would have the record skipped
            return Math.max(0, event.ahead ? watermark : event.millis());
        }
    }

    /** Windows of one length, in minutes, and how long they stay after the one that is now. */
    record Level(char mark, long minutes, Duration keep) {
        long begin(long minute) {
            return minute - minute % minutes;
        }

        long oldest(long minute) {
            return Math.max(0, begin(minute) - keep.toMinutes());
        }
    }

    static final Level[] BY_MINUTE = {
        new Level('m', 1, Duration.ofHours(2)),
        new Level('h', 60, Duration.ofDays(2)),
        new Level('d', 1_440, Duration.ofDays(90))
    };
    static final Level[] BY_HOUR = {new Level('h', 60, Duration.ofHours(24))};

    static final long MINUTE = 60_000_000, SHOP = 0;

    /** The key of a row. `minute` is the window's first, since 1970; sorts by length, then time, then subject. */
    record Window(char mark, long minute, long subject) {
        static final Serde<Window> SERDE = serde(Window::bytes, Window::new);

        Window(ByteBuffer key) {
            this((char) key.get(), key.getLong(), key.getLong());
        }

        byte[] bytes() {
            return ByteBuffer.allocate(17).put((byte) mark).putLong(minute).putLong(subject).array();
        }
    }

    /** A row that another's can be added to, in any order. */
    interface Row<R> {
        void merge(R other);
    }

    /** The moment that a table stands at: whatever is due by then has moved, and nothing else. */
    record Stands(long minute) {
        Stands(ByteBuffer row) {
            this(row.getLong());
        }

        byte[] bytes() {
            return ByteBuffer.allocate(8).putLong(minute).array();
        }
    }

    static final class Windows {
        final Windowed<Activity> activity;
        final Windowed<Shop> shop;
        final Windowed<Shopper> shoppers;
        final KeyValueStore<String, Late> late;

        Windows(ProcessorContext<Void, Void> context) {
            activity = new Windowed<>(context, "activity", Activity::new, BY_MINUTE);
            shop = new Windowed<>(context, "shop", Shop::new, BY_MINUTE);
            shoppers = new Windowed<>(context, "shoppers", Shopper::new, BY_HOUR);
            late = context.getStateStore("late");
        }

        void advance(long millis) {
            long minute = Math.max(0, millis) / 60_000;
            activity.advance(minute);
            shop.advance(minute);
            shoppers.advance(minute);
        }
    }

    /** A table of windows: of the shortest, until they are due. */
    static final class Windowed<R extends Row<R>> {
        private final String name;
        private final Supplier<R> empty;
        private final Level[] levels;
        private final KeyValueStore<Window, R> rows;
        private final KeyValueStore<String, Stands> moments;
        private long stands;

        Windowed(ProcessorContext<Void, Void> context, String name, Supplier<R> empty, Level[] levels) {
            this.name = name;
            this.empty = empty;
            this.levels = levels;
            rows = context.getStateStore(name);
            moments = context.getStateStore(STANDS);
            Stands stored = moments.get(name);
            stands = stored == null ? 0 : stored.minute;
        }

        void change(long micros, long subject, Consumer<R> change) {
            Window place = place(micros / MINUTE, subject);
            if (place != null) KafkaStreamsPeer.change(rows, place, empty, change);
        }

        private Window place(long minute, long subject) {
            for (Level level : levels) {
                long begin = level.begin(minute);
                if (begin >= level.oldest(stands)) return new Window(level.mark, begin, subject);
            }
            return null;
        }

        /** The shortest windows decide when: a longer one is never due before a shorter one is. */
        void advance(long minute) {
            if (minute <= stands || levels[0].oldest(minute) == levels[0].oldest(stands)) return;
            for (int at = 0; at < levels.length; at++) {
                Level longer = at + 1 < levels.length ? levels[at + 1] : null;
                due(levels[at], minute).forEach(row -> move(row, longer));
            }
            stands = minute;
            moments.put(name, new Stands(minute));
        }

        private List<KeyValue<Window, R>> due(Level level, long minute) {
            List<KeyValue<Window, R>> found = new ArrayList<>();
            long from = level.oldest(stands), to = level.oldest(minute);
            if (from == to) return found;
            Window first = new Window(level.mark, from, 0), last = new Window(level.mark, to - 1, Long.MAX_VALUE);
            try (KeyValueIterator<Window, R> each = rows.range(first, last)) {
                each.forEachRemaining(found::add);
            }
            return found;
        }

        private void move(KeyValue<Window, R> row, Level longer) {
            if (longer != null) {
                Window place = new Window(longer.mark, longer.begin(row.key.minute), row.key.subject);
                KafkaStreamsPeer.change(rows, place, empty, there -> there.merge(row.value));
            }
            rows.put(row.key, null); // and not delete, which reads the row once more
        }
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

    // ---- rows of windows

    static final class Activity implements Row<Activity> {
        int views, adds, unitsAdded, orders, unitsSold;
        long revenueCents;
        final Distinct visitors;

        Activity() {
            visitors = new Distinct();
        }

        Activity(ByteBuffer row) {
            views = row.getInt();
            adds = row.getInt();
            unitsAdded = row.getInt();
            orders = row.getInt();
            unitsSold = row.getInt();
            revenueCents = row.getLong();
            visitors = new Distinct(row);
        }

        byte[] bytes() {
            byte[] visitors = this.visitors.bytes();
            return ByteBuffer.allocate(5 * 4 + 8 + visitors.length)
                    .putInt(views).putInt(adds).putInt(unitsAdded).putInt(orders).putInt(unitsSold)
                    .putLong(revenueCents).put(visitors).array();
        }

        @Override
        public void merge(Activity other) {
            views += other.views;
            adds += other.adds;
            unitsAdded += other.unitsAdded;
            orders += other.orders;
            unitsSold += other.unitsSold;
            revenueCents += other.revenueCents;
            visitors.merge(other.visitors);
        }
    }

    static final class Shop implements Row<Shop> {
        int views, adds, orders, units, payments;
        long placedCents, paidCents;
        final Distinct viewers, adders, buyers, payers;

        Shop() {
            viewers = new Distinct();
            adders = new Distinct();
            buyers = new Distinct();
            payers = new Distinct();
        }

        Shop(ByteBuffer row) {
            views = row.getInt();
            adds = row.getInt();
            orders = row.getInt();
            units = row.getInt();
            payments = row.getInt();
            placedCents = row.getLong();
            paidCents = row.getLong();
            viewers = new Distinct(row);
            adders = new Distinct(row);
            buyers = new Distinct(row);
            payers = new Distinct(row);
        }

        byte[] bytes() {
            byte[] viewers = this.viewers.bytes(), adders = this.adders.bytes();
            byte[] buyers = this.buyers.bytes(), payers = this.payers.bytes();
            int customers = viewers.length + adders.length + buyers.length + payers.length;
            return ByteBuffer.allocate(5 * 4 + 2 * 8 + customers)
                    .putInt(views).putInt(adds).putInt(orders).putInt(units).putInt(payments)
                    .putLong(placedCents).putLong(paidCents)
                    .put(viewers).put(adders).put(buyers).put(payers).array();
        }

        @Override
        public void merge(Shop other) {
            views += other.views;
            adds += other.adds;
            orders += other.orders;
            units += other.units;
            payments += other.payments;
            placedCents += other.placedCents;
            paidCents += other.paidCents;
            viewers.merge(other.viewers);
            adders.merge(other.adders);
            buyers.merge(other.buyers);
            payers.merge(other.payers);
        }
    }

    /** How many different customers: themselves while they are few, then a sketch, which is the same as ours. */
    static final class Distinct {
        static final int FEW = 16, LG_K = 11;
        static final long[] NOBODY = {};

        private long[] few = NOBODY;
        private byte[] packed; // a sketch as it was stored; most are written again without having been looked at
        private HllSketch sketch;

        Distinct() {}

        Distinct(ByteBuffer row) {
            int length = row.getShort();
            if (length < 0) {
                packed = new byte[-length];
                row.get(packed);
            } else if (length > 0) {
                few = new long[length];
                for (int at = 0; at < length; at++) few[at] = row.getLong();
            }
        }

        /** How many customers, and they; or how long the sketch is, below zero, and it. */
        byte[] bytes() {
            byte[] sketched = sketch == null ? packed : sketch.toCompactByteArray();
            if (sketched != null) {
                return ByteBuffer.allocate(2 + sketched.length)
                        .putShort((short) -sketched.length).put(sketched).array();
            }
            ByteBuffer row = ByteBuffer.allocate(2 + 8 * few.length).putShort((short) few.length);
            for (long id : few) row.putLong(id);
            return row.array();
        }

        void add(Long id) {
            if (id == null) return;
            if (sketch() != null) sketch.update(id);
            else if (!isOneOfFew(id)) addToFew(id);
        }

        private boolean isOneOfFew(long id) {
            for (long each : few) if (each == id) return true;
            return false;
        }

        private void addToFew(long id) {
            few = Arrays.copyOf(few, few.length + 1);
            few[few.length - 1] = id;
            if (few.length > FEW) become(new HllSketch(LG_K, TgtHllType.HLL_4));
        }

        /** That sketch, with the few in it. */
        private void become(HllSketch sketch) {
            this.sketch = sketch;
            for (long each : few) sketch.update(each);
            few = NOBODY;
        }

        private HllSketch sketch() {
            if (packed != null) {
                sketch = HllSketch.heapify(packed);
                packed = null;
            }
            return sketch;
        }

        void merge(Distinct other) {
            if (other.sketch() == null) {
                for (long id : other.few) add(id);
            } else if (sketch() == null) {
                become(other.sketch.copy());
            } else {
                Union union = new Union(LG_K);
                union.update(sketch);
                union.update(other.sketch);
                sketch = union.getResult(TgtHllType.HLL_4);
            }
        }
    }

    /** One customer in one hour: visits and cart in order of time. */
    static final class Shopper implements Row<Shopper> {
        static final int MOST_ADDS = 200;

        final List<Visit> visits = new ArrayList<>();
        final List<Add> cart = new ArrayList<>();
        long orderedMs = -1;

        Shopper() {}

        Shopper(ByteBuffer row) {
            orderedMs = row.getLong();
            int count = row.getShort();
            for (int at = 0; at < count; at++) visits.add(new Visit(row));
            while (row.hasRemaining()) cart.add(new Add(row));
        }

        byte[] bytes() {
            int length = 8 + 2 + visits.size() * Visit.BYTES + cart.size() * Add.BYTES;
            ByteBuffer row = ByteBuffer.allocate(length).putLong(orderedMs).putShort((short) visits.size());
            for (Visit visit : visits) visit.into(row);
            for (Add add : cart) add.into(row);
            return row.array();
        }

        /** As a rule it is the first, or one more of the visit that goes on. */
        void seen(long millis, int what) {
            Visit seen = new Visit(millis, what);
            Visit last = visits.isEmpty() ? null : visits.get(visits.size() - 1);
            if (last != null && last.firstMs <= millis && last.goesOnAt(millis)) {
                last.join(seen);
            } else {
                visits.add(seen);
                if (last != null) joinVisits();
            }
        }

        private void joinVisits() {
            List<Visit> sorted = new ArrayList<>(visits);
            sorted.sort(Comparator.<Visit>comparingLong(visit -> visit.firstMs).thenComparing(visit -> visit.lastMs));
            visits.clear();
            Visit last = null;
            for (Visit visit : sorted) {
                if (last != null && last.goesOnAt(visit.firstMs)) last.join(visit);
                else visits.add(last = visit);
            }
        }

        void add(Add add) {
            cart.add(add);
            if (cart.size() > 1 || add.millis <= orderedMs) sortCart();
        }

        void ordered(long millis) {
            orderedMs = Math.max(orderedMs, millis);
            sortCart();
        }

        private void sortCart() {
            cart.removeIf(add -> add.millis <= orderedMs);
            Collections.sort(cart);
            if (cart.size() > MOST_ADDS) cart.subList(0, cart.size() - MOST_ADDS).clear();
        }

        @Override
        public void merge(Shopper other) {
            visits.addAll(other.visits);
            joinVisits();
            cart.addAll(other.cart);
            ordered(other.orderedMs);
        }
    }

    /** A stretch of events with no pause of half an hour in it. */
    static final class Visit {
        static final int PAGE = 0, ADD = 1, ORDER = 2, PAYMENT = 3, KINDS = 4;
        static final int BYTES = 2 * 8 + KINDS * 4;
        static final long PAUSE_MS = 1_800_000;

        long firstMs, lastMs;
        final int[] counts = new int[KINDS];

        Visit(long millis, int what) {
            firstMs = lastMs = millis;
            counts[what] = 1;
        }

        Visit(ByteBuffer row) {
            firstMs = row.getLong();
            lastMs = row.getLong();
            for (int what = 0; what < KINDS; what++) counts[what] = row.getInt();
        }

        void into(ByteBuffer row) {
            row.putLong(firstMs).putLong(lastMs);
            for (int count : counts) row.putInt(count);
        }

        boolean goesOnAt(long millis) {
            return millis <= lastMs + PAUSE_MS;
        }

        void join(Visit other) {
            lastMs = Math.max(lastMs, other.lastMs);
            for (int what = 0; what < KINDS; what++) counts[what] += other.counts[what];
        }
    }

    record Add(long millis, long product, int units, long cents) implements Comparable<Add> {
        static final int BYTES = 3 * 8 + 4;
        static final Comparator<Add> ORDER = Comparator.comparingLong(Add::millis)
                .thenComparingLong(Add::product).thenComparingInt(Add::units).thenComparingLong(Add::cents);

        Add(ByteBuffer row) {
            this(row.getLong(), row.getLong(), row.getInt(), row.getLong());
        }

        void into(ByteBuffer row) {
            row.putLong(millis).putLong(product).putInt(units).putLong(cents);
        }

        @Override
        public int compareTo(Add other) {
            return ORDER.compare(this, other);
        }
    }

    /** Of one topic: how many were late or ahead, and the newest of both, oldest first. */
    static final class Late {
        static final int NAMED = 100;

        long late, ahead;
        final List<LateEvent> newest = new ArrayList<>();

        Late() {}

        Late(ByteBuffer row) {
            late = row.getLong();
            ahead = row.getLong();
            while (row.hasRemaining()) newest.add(new LateEvent(row));
        }

        byte[] bytes() {
            ByteBuffer row = ByteBuffer.allocate(2 * 8 + newest.size() * LateEvent.BYTES).putLong(late).putLong(ahead);
            for (LateEvent event : newest) event.into(row);
            return row.array();
        }

        void name(LateEvent event) {
            newest.add(event);
            newest.sort(Comparator.comparingLong(LateEvent::arrivedMs).thenComparingLong(LateEvent::offset));
            if (newest.size() > NAMED) newest.remove(0);
        }
    }

    record LateEvent(long arrivedMs, int partition, long offset, long micros, boolean ahead) {
        static final int BYTES = 3 * 8 + 4 + 1;

        LateEvent(ByteBuffer row) {
            this(row.getLong(), row.getInt(), row.getLong(), row.getLong(), row.get() != 0);
        }

        void into(ByteBuffer row) {
            row.putLong(arrivedMs).putInt(partition).putLong(offset).putLong(micros).put((byte) (ahead ? 1 : 0));
        }
    }

    // ---- events, as they stand on the wire; fields and not records, which Jackson takes longer for

    abstract static class Event {
        @JsonDeserialize(using = Micros.class) public long timestamp;
        long arrivedMs; // this and what follows says EventTime
        boolean late, ahead;

        long millis() {
            return Math.floorDiv(timestamp, 1_000);
        }

        abstract void into(Tables tables);

        void into(Windows windows) {}
    }

    static final class Viewed extends Event {
        public long id_produit;
        public String nom_produit;
        public double prix;
        public Long user_id;

        @Override
        void into(Tables tables) {
            viewed(tables, this);
        }

        @Override
        void into(Windows windows) {
            viewed(windows, this);
        }
    }

    static final class Added extends Event {
        public long id_produit;
        public String nom_produit;
        public long quantite;
        public double prix;
        public long user_id;

        @Override
        void into(Tables tables) {
            added(tables, this);
        }

        @Override
        void into(Windows windows) {
            added(windows, this);
        }
    }

    static final class Line {
        public long id_produit;
        public long quantite;
        public double prix;
    }

    static final class Placed extends Event {
        public String id_commande;
        public long user_id;
        public List<Line> articles;
        public double montant_total;

        @Override
        void into(Tables tables) {
            placed(tables, this);
        }

        @Override
        void into(Windows windows) {
            placed(windows, this);
        }
    }

    static final class Paid extends Event {
        public String id_commande;
        public long user_id;
        public double montant;
        public String moyen_paiement;

        @Override
        void into(Tables tables) {
            paid(tables, this);
        }

        @Override
        void into(Windows windows) {
            paid(windows, this);
        }
    }

    static final class Counted extends Event {
        public long id_produit;
        public long stock;
        public String nom_produit;

        @Override
        void into(Tables tables) {
            counted(tables, this);
        }
    }

    static Deserializer<Event> json(Class<? extends Event> type) {
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
