// Compares the public surface of compiled classes with the dump in the repository, or writes that dump anew. A change that
// apps may notice so shows in a diff, and an unseen one fails the build.

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jetbrains.kotlin.abi.tools.AbiFilters;
import org.jetbrains.kotlin.abi.tools.AbiTools;
import org.jetbrains.kotlin.abi.tools.AbiToolsFactory;

public final class AbiDump {
    /** Arguments: folder of classes, dump, whether to write the dump. */
    public static void main(String[] arguments) throws IOException {
        AbiTools tools = ServiceLoader.load(AbiToolsFactory.class).findFirst().orElseThrow().get();
        List<File> classes;
        try (Stream<Path> files = Files.walk(Path.of(arguments[0]))) {
            classes = files.filter(file -> file.toString().endsWith(".class")).sorted().map(Path::toFile).collect(Collectors.toList());
        }
        // Generated code is nobody's surface.
        AbiFilters filters = new AbiFilters(Set.of(), Set.of("dev.beistand.internal.**"), Set.of(), Set.of());
        StringBuilder now = new StringBuilder();
        tools.printJvmDump(now, classes, filters);
        Path dump = Path.of(arguments[1]);
        if (now.length() == 0) {
            fail("no public class was found in " + arguments[0]);
        }
        if (Boolean.parseBoolean(arguments[2])) {
            Files.createDirectories(dump.getParent());
            Files.writeString(dump, now);
            return;
        }
        List<String> kept = Files.exists(dump) ? Files.readAllLines(dump) : List.of();
        List<String> lines = now.toString().lines().collect(Collectors.toList());
        if (!kept.equals(lines)) {
            kept.stream().filter(line -> !lines.contains(line)).forEach(line -> System.err.println("- " + line));
            lines.stream().filter(line -> !kept.contains(line)).forEach(line -> System.err.println("+ " + line));
            fail("the public surface differs from " + dump.getFileName() + "; if that is meant: -Dabi.update=true");
        }
    }

    private static void fail(String why) {
        System.err.println(why);
        System.exit(1);
    }
}
