package intentwatch;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowBytesStoreSupplier;
import org.apache.kafka.streams.state.WindowStore;

/** Counts serving logs by minute, model and intent: `dsl` re-keys through a repartition topic, `papi` keeps a store for each partition. */
public final class StreamsBench {
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration GRACE = Duration.ofHours(3);
    private static final LongAdder SEEN = new LongAdder();
    private static final AtomicLong BEGUN = new AtomicLong();
    private static final AtomicLong CPU = new AtomicLong();

    private static long cpu() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static void begin() {
        if (BEGUN.get() == 0 && BEGUN.compareAndSet(0, System.nanoTime())) {
            CPU.set(cpu());
        }
    }

    private static WindowBytesStoreSupplier store() {
        return Stores.inMemoryWindowStore("minutes", GRACE.plusHours(3), MINUTE, false);
    }

    static Topology dsl(String topic) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.Bytes(), Log.json()))
                .filter((key, log) -> {
                    begin();
                    if (log == Log.BAD) {
                        SEEN.increment();
                    }
                    return log != Log.BAD;
                })
                .selectKey((key, log) -> log.key())
                .groupByKey(Grouped.with(Serdes.String(), Log.binary()))
                .windowedBy(TimeWindows.ofSizeAndGrace(MINUTE, GRACE))
                .aggregate(
                        () -> Pane.EMPTY,
                        (key, log, pane) -> {
                            SEEN.increment();
                            return pane.plus(log);
                        },
                        Materialized.<String, Pane>as(store()).withKeySerde(Serdes.String()).withValueSerde(Pane.serde()).withCachingEnabled());
        return builder.build();
    }

    /** Adds each log to the minute it belongs to. */
    private static final class Count implements Processor<byte[], Log, Void, Void> {
        private WindowStore<String, Pane> minutes;

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            minutes = context.getStateStore("minutes");
        }

        @Override
        public void process(Record<byte[], Log> found) {
            begin();
            Log log = found.value();
            if (log != Log.BAD) {
                long minute = log.timeMs() / 60_000 * 60_000;
                Pane before = minutes.fetch(log.key(), minute);
                minutes.put(log.key(), (before == null ? Pane.EMPTY : before).plus(log), minute);
            }
            SEEN.increment();
        }
    }

    static Topology papi(String topic) {
        return new Topology()
                .addSource("logs", Serdes.ByteArray().deserializer(), Log.json().deserializer(), topic)
                .addProcessor("count", Count::new, "logs")
                .addStateStore(Stores.windowStoreBuilder(store(), Serdes.String(), Pane.serde()).withCachingEnabled(), "count");
    }

    private static Properties settings(String bootstrap, String id, int threads, Path state) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, id);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
        settings.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, Log.Time.class);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        settings.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 50);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 5_000);
        settings.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 4 << 20);
        return settings;
    }

    private static String minutes(KafkaStreams streams) {
        Map<String, long[]> total = new HashMap<>();
        try (var all = streams.store(StoreQueryParameters.fromNameAndType("minutes", QueryableStoreTypes.<String, Pane>windowStore())).all()) {
            all.forEachRemaining(found -> {
                String[] names = found.key.key().split("\\|");
                String key = found.key.window().start() / 60_000 + ",\"" + names[0] + "\",\"" + names[1] + "\"";
                long[] pane = total.computeIfAbsent(key, absent -> new long[2]);
                pane[0] += found.value.count();
                pane[1] += found.value.latencyUs();
            });
        }
        StringBuilder rows = new StringBuilder();
        total.forEach((key, pane) -> rows.append(rows.isEmpty() ? "[" : ",[").append(key).append(',').append(pane[0]).append(',').append(pane[1]).append(']'));
        return "[" + rows + "]";
    }

    private static long peakKb() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            String found = lines.filter(line -> line.startsWith("VmHWM")).findFirst().orElseThrow();
            return Long.parseLong(found.replaceAll("\\D", ""));
        }
    }

    /** Arguments: dsl|papi, threads, bootstrap, topic, expected records, file for the result. */
    public static void main(String[] args) throws Exception {
        Path out = Path.of(args[5]);
        long expected = Long.parseLong(args[4]);
        Path state = Files.createTempDirectory("streams-bench");
        String id = "bench-" + out.getFileName().toString().replace(".json", "");
        Topology topology = args[0].equals("dsl") ? dsl(args[3]) : papi(args[3]);
        KafkaStreams streams = new KafkaStreams(topology, settings(args[2], id, Integer.parseInt(args[1]), state));
        streams.start();
        while (SEEN.sum() < expected) {
            Thread.sleep(5);
        }
        double wall = (System.nanoTime() - BEGUN.get()) / 1e9;
        double cpu = (cpu() - CPU.get()) / 1e9;
        String result = String.format("{\"seen\":%d,\"wall_s\":%f,\"cpu_s\":%f,\"rss_mb\":%f,\"minutes\":%s}",
                SEEN.sum(), wall, cpu, peakKb() / 1024.0, minutes(streams));
        Path part = out.resolveSibling(out.getFileName() + ".part");
        Files.writeString(part, result);
        Files.move(part, out);
        streams.close(Duration.ofSeconds(20));
    }
}
