// What a client costs before it is used, and what happens where it cannot work: each in a JVM of its own, since a library is
// loaded once in a process.

package dev.beistand

import dev.beistand.bench.ColdStart
import org.junit.jupiter.api.Test
import java.nio.file.Files
import java.nio.file.Path
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

class ConstructionTest {
    @Test
    fun `making a client takes less than a millisecond, starts no thread and loads no library`() {
        val told = fork(Path.of(System.getProperty("jna.library.path")))
        assertEquals("0", told.getValue("threads"), "$told")
        assertEquals("false", told.getValue("loaded"), "$told")
        assertTrue(told.getValue("warm_ms").toDouble() < 1.0, "$told")
        // The first one loads classes, by a JVM that interprets; a busy machine multiplies it.
        assertTrue(told.getValue("cold_ms").toDouble() < 500.0, "$told")
    }

    @Test
    fun `without the library every call says what to add`() {
        val told = fork(Files.createTempDirectory("nothing"))
        assertEquals("LibraryMissing", told.getValue("kind"), "$told")
        assertEquals("LibraryMissing", told.getValue("again"), "$told")
        assertEquals("LibraryMissing", told.getValue("flow"), "$told")
        assertEquals("library-missing", told.getValue("code"))
        assertContains(told.getValue("detail"), "dev.beistand:beistand-native")
    }

    @Test
    fun `another library of the same name is told from none`() {
        val folder = Files.createTempDirectory("other")
        val other = Files.walk(Path.of(System.getProperty("java.home"))).use { files ->
            files.filter { it.fileName.toString() == "libzip.so" }.findFirst().get()
        }
        Files.copy(other, folder.resolve("libbeistand_ffi.so"))
        val told = fork(folder)
        assertEquals("LibraryMissing", told.getValue("kind"), "$told")
        assertContains(told.getValue("detail"), "version")
    }

    private fun fork(library: Path): Map<String, String> {
        val classes = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val builder = ProcessBuilder(java, "-cp", classes, "-Djna.library.path=$library", ColdStart::class.java.name)
        // Whoever started these tests may have told the system where the library is: cargo does.
        builder.environment().keys.removeAll(setOf("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"))
        val process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val lines = process.inputStream.bufferedReader().readLines()
        assertEquals(0, process.waitFor(), "$lines")
        return lines.filter { '=' in it }.associate { it.substringBefore('=') to it.substringAfter('=') }
    }

    @Test
    fun `a configuration that can never work is refused at once, by name`() {
        val good = BeistandConfig("https://support.example.com", "key", Path.of("folder"))
        val bad = mapOf(
            good.copy(server = "nonsense") to "https://",
            good.copy(server = "a b") to "URL",
            good.copy(server = "ftp://x") to "https://",
            good.copy(server = "http://support.example.com") to "this machine",
            good.copy(server = "https://x?y") to "query",
            good.copy(appKey = "") to "app key",
            good.copy(appKey = "schlüssel") to "app key",
            good.copy(folder = null) to "folder",
            good.copy(outboxItems = 0) to "outboxItems",
            good.copy(requestTimeout = kotlin.time.Duration.ZERO) to "requestTimeout",
            good.copy(tokenTimeout = kotlin.time.Duration.INFINITE) to "tokenTimeout",
            good.copy(faq = FaqConfig(key = "AAAA")) to "FAQ key",
        )
        for ((config, named) in bad) {
            val refused = assertFailsWith<SupportException>("$named was taken") { Beistand(config) }
            assertEquals(SupportErrorKind.Configuration, refused.kind)
            assertEquals("configuration", refused.code)
            assertContains(refused.detail, named)
        }
        Beistand(good.copy(server = "http://127.0.0.1:1/desk")).close()
    }

    @Test
    fun `neither a configuration nor an error shows a key or a token`() {
        val config = BeistandConfig("https://x", "the-key", trustedRootsPem = "the-pem")
        assertTrue("the-key" !in config.toString() && "the-pem" !in config.toString())
        assertTrue("the-token" !in PushToken("fcm", "the-token").toString())
    }
}
