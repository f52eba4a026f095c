// From compiled classes to a signed app: merges the manifests, links them, lets R8 shrink everything in full mode, and packs
// with native libraries at offsets that a phone with pages of 16 KB can map.

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

public final class Pack {
    private static final String MIN_SDK = "26";
    private static final String TARGET_SDK = "35";
    private static final Set<String> ABIS = Set.of("arm64-v8a", "armeabi-v7a", "x86_64");
    private static final int PAGE = 16 * 1024;
    private static final String PASSWORD = "android";

    private final Path target;
    private final Path work;
    private final Path framework;
    private final String tools;

    private Pack(Path target, Path framework, String tools) throws IOException {
        this.target = target;
        this.framework = framework;
        this.tools = tools;
        this.work = target.resolve("pack");
        delete(work);
        Files.createDirectories(work);
    }

    /** Arguments: the project's `target`, our archive, the framework's JAR, the class path of Google's tools, whether to take the archives' rules. */
    public static void main(String[] arguments) throws Exception {
        Path target = Path.of(arguments[0]);
        Pack pack = new Pack(target, Path.of(arguments[2]), arguments[3]);
        List<Path> archives = new ArrayList<>();
        archives.add(pack.unpack(Path.of(arguments[1]), "beistand"));
        for (Path archive : files(target.resolve("archives"), ".aar")) archives.add(pack.unpack(archive, "jna"));
        pack.manifest(archives);
        Path linked = pack.link();
        pack.shrink(archives, Boolean.parseBoolean(arguments[4]));
        pack.sign(pack.assemble(linked, archives));
    }

    private void manifest(List<Path> archives) throws Exception {
        String libraries = archives.stream().map(it -> it.resolve("AndroidManifest.xml").toString()).collect(Collectors.joining(File.pathSeparator));
        java("com.android.manifmerger.Merger", "--main", "AndroidManifest.xml", "--libs", libraries,
            "--out", work.resolve("AndroidManifest.xml").toString(), "--property", "PACKAGE=shop.help",
            "--property", "MIN_SDK_VERSION=" + MIN_SDK, "--property", "TARGET_SDK_VERSION=" + TARGET_SDK, "--log", "WARNING");
    }

    private Path link() throws Exception {
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        Path aapt2 = target.resolve("aapt2/prebuilt/" + (mac ? "macosx" : "linux") + "/aapt2");
        aapt2.toFile().setExecutable(true);
        Path out = work.resolve("linked.apk");
        run(List.of(aapt2.toString(), "link", "-I", framework.toString(), "--manifest", work.resolve("AndroidManifest.xml").toString(),
            "--min-sdk-version", MIN_SDK, "--target-sdk-version", TARGET_SDK, "--proguard", work.resolve("manifest.pro").toString(), "-o", out.toString()));
        return out;
    }

    /** Full mode is what R8 does unless it is told to be compatible with ProGuard. The framework's JAR has no `java.*`: that is the JDK's here. */
    private void shrink(List<Path> archives, boolean rules) throws Exception {
        Path dex = Files.createDirectories(work.resolve("dex"));
        Path classes = work.resolve("app.jar");
        run(List.of("jar", "--create", "--file", classes.toString(), "-C", target.resolve("classes").toString(), "."));
        List<String> arguments = new ArrayList<>(List.of("--release", "--min-api", MIN_SDK, "--lib", System.getProperty("java.home"), "--lib", framework.toString(),
            "--pg-conf", "app.pro", "--pg-conf", work.resolve("manifest.pro").toString(),
            "--pg-map-output", work.resolve("mapping.txt").toString(), "--output", dex.toString()));
        List<Path> programs = new ArrayList<>(List.of(classes));
        for (Path archive : archives) {
            programs.add(archive.resolve("classes.jar"));
            Path own = archive.resolve("proguard.txt");
            if (rules && Files.exists(own)) Collections.addAll(arguments, "--pg-conf", own.toString());
        }
        for (Path jar : files(target.resolve("jars"), ".jar")) {
            programs.add(jar);
            for (Path own : rulesOf(jar)) Collections.addAll(arguments, "--pg-conf", own.toString());
        }
        programs.forEach(it -> arguments.add(it.toString()));
        Path file = work.resolve("r8.arguments");
        Files.write(file, arguments);
        java("com.android.tools.r8.R8", "@" + file);
    }

    /** Rules that a JAR carries; those for one compiler alone are R8's if they name it. */
    private List<Path> rulesOf(Path jar) throws IOException {
        List<Path> found = new ArrayList<>();
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                String name = entry.getName();
                boolean ours = name.startsWith("META-INF/com.android.tools/r8") || name.startsWith("META-INF/proguard/");
                if (!ours || entry.isDirectory()) continue;
                Path out = work.resolve("rules").resolve(jar.getFileName() + "-" + found.size() + ".pro");
                Files.createDirectories(out.getParent());
                Files.write(out, zip.getInputStream(entry).readAllBytes());
                found.add(out);
            }
        }
        return found;
    }

    private Path assemble(Path linked, List<Path> archives) throws IOException {
        TreeMap<String, byte[]> stored = new TreeMap<>();
        for (Path dex : files(work.resolve("dex"), ".dex")) stored.put(dex.getFileName().toString(), Files.readAllBytes(dex));
        for (Path archive : archives) {
            Path natives = archive.resolve("jni");
            if (!Files.isDirectory(natives)) continue;
            try (Stream<Path> all = Files.walk(natives)) {
                for (Path library : all.filter(Files::isRegularFile).collect(Collectors.toList())) {
                    String abi = library.getParent().getFileName().toString();
                    if (ABIS.contains(abi)) stored.put("lib/" + abi + "/" + library.getFileName(), Files.readAllBytes(library));
                }
            }
        }
        Path out = work.resolve("unsigned.apk");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes); ZipFile from = new ZipFile(linked.toFile())) {
            for (ZipEntry entry : Collections.list(from.entries())) {
                put(zip, bytes, entry.getName(), from.getInputStream(entry).readAllBytes(), entry.getMethod() == ZipEntry.STORED, 4);
            }
            for (var entry : stored.entrySet()) {
                put(zip, bytes, entry.getKey(), entry.getValue(), true, entry.getKey().endsWith(".so") ? PAGE : 4);
            }
        }
        Files.write(out, bytes.toByteArray());
        return out;
    }

    /** Stored entries begin at a multiple of `alignment`; the extra field is the one that apksigner keeps such offsets by. */
    private static void put(ZipOutputStream zip, ByteArrayOutputStream bytes, String name, byte[] content, boolean store, int alignment) throws IOException {
        zip.flush();
        ZipEntry entry = new ZipEntry(name);
        entry.setTime(315532800000L);
        entry.setMethod(store ? ZipEntry.STORED : ZipEntry.DEFLATED);
        if (store) {
            CRC32 crc = new CRC32();
            crc.update(content);
            entry.setCrc(crc.getValue());
            entry.setSize(content.length);
            entry.setCompressedSize(content.length);
            int begin = bytes.size() + 30 + name.getBytes(java.nio.charset.StandardCharsets.UTF_8).length + 6;
            int padding = Math.floorMod(-begin, alignment);
            ByteBuffer extra = ByteBuffer.allocate(6 + padding).order(ByteOrder.LITTLE_ENDIAN);
            extra.putShort((short) 0xd935).putShort((short) (2 + padding)).putShort((short) alignment);
            entry.setExtra(extra.array());
        }
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    private void sign(Path unsigned) throws Exception {
        Path keys = work.resolve("debug.keys");
        run(List.of("keytool", "-genkeypair", "-keystore", keys.toString(), "-storepass", PASSWORD, "-keypass", PASSWORD, "-alias", "debug",
            "-dname", "CN=debug", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "365"));
        run(List.of("apksigner", "sign", "--ks", keys.toString(), "--ks-pass", "pass:" + PASSWORD, "--min-sdk-version", MIN_SDK,
            "--v2-signing-enabled", "true", "--v3-signing-enabled", "true", "--out", target.resolve("shop.apk").toString(), unsigned.toString()));
    }

    private Path unpack(Path archive, String name) throws IOException {
        Path out = work.resolve("archives").resolve(name);
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                Path file = out.resolve(entry.getName()).normalize();
                if (entry.isDirectory() || !file.startsWith(out)) continue;
                Files.createDirectories(file.getParent());
                Files.write(file, zip.getInputStream(entry).readAllBytes());
            }
        }
        return out;
    }

    private void java(String main, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx2g", "-cp", tools, main));
        Collections.addAll(command, arguments);
        run(command);
    }

    private static void run(List<String> command) throws Exception {
        int code = new ProcessBuilder(command).inheritIO().start().waitFor();
        if (code != 0) throw new IllegalStateException(command.stream().filter(it -> it.length() < 300).collect(Collectors.joining(" ")) + " ended with " + code);
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(it -> it.toString().endsWith(ending)).sorted().collect(Collectors.toList());
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) return;
        try (Stream<Path> all = Files.walk(folder)) {
            all.sorted(Collections.reverseOrder()).forEach(it -> {
                try {
                    Files.delete(it);
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            });
        }
    }
}
