// How the app is packed and signed, what it asks of the phone, and what the archive holds.

import java.io.File
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import javax.xml.parsers.DocumentBuilderFactory
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue

class PackedTest {
    private val archive = File(System.getProperty("aar"))
    private val withoutNative = archive.name.endsWith("-no-native.aar")

    @Test
    fun `native libraries can be mapped by phones with pages of 16 KB`() {
        val libraries = Apk.libraries()
        assertTrue(libraries.map { it.name.split('/')[1] }.toSet().containsAll(listOf("arm64-v8a", "x86_64")), "$libraries")
        for (library in libraries) {
            assertEquals(ZipEntry.STORED, library.method, "${library.name} is packed")
            assertEquals(0, Apk.offset(library.name) % PAGE, "where ${library.name} begins")
            val aligned = Apk.segmentAlignment(Apk.read(library.name)) ?: continue
            assertEquals(0, aligned % PAGE, "the segments of ${library.name}")
        }
    }

    @Test
    fun `the signature is the one of schemes 2 and 3`() {
        val said = output("apksigner", "verify", "--verbose", "--min-sdk-version", "26", Apk.file.path)
        assertTrue(Regex("v2 scheme.*: true").containsMatchIn(said), said)
        assertTrue(Regex("v3 scheme.*: true").containsMatchIn(said), said)
    }

    @Test
    fun `the package adds two permissions and one service that only the system starts`() {
        val merged = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(
            File(System.getProperty("target"), "pack/AndroidManifest.xml"),
        )
        val permissions = merged.getElementsByTagName("uses-permission")
        val asked = List(permissions.length) { permissions.item(it).attributes.getNamedItem("android:name").nodeValue }
        assertEquals(setOf("android.permission.INTERNET", "android.permission.ACCESS_NETWORK_STATE"), asked.toSet())
        val service = merged.getElementsByTagName("service").also { assertEquals(1, it.length) }.item(0).attributes
        assertEquals("dev.beistand.android.SendLaterService", service.getNamedItem("android:name").nodeValue)
        assertEquals("false", service.getNamedItem("android:exported").nodeValue)
        assertEquals("android.permission.BIND_JOB_SERVICE", service.getNamedItem("android:permission").nodeValue)
        assertEquals(0, merged.getElementsByTagName("provider").length, "a provider runs at every start of the app")
    }

    @Test
    fun `the archive holds what Gradle looks for and nothing else`() {
        val names = ZipFile(archive).use { zip -> zip.entries().asSequence().filterNot { it.isDirectory }.map { it.name }.toSet() }
        val libraries = names.filter { it.startsWith("jni/") }.toSet()
        assertEquals(setOf("AndroidManifest.xml", "R.txt", "classes.jar", "proguard.txt"), names - libraries)
        val all = setOf("arm64-v8a", "armeabi-v7a", "x86_64").map { "jni/$it/libbeistand_ffi.so" }.toSet()
        assertEquals(if (withoutNative) emptySet() else all, libraries)
    }

    @Test
    fun `the archive's classes are the Android side alone`() {
        val jar = File.createTempFile("classes", ".jar").apply { writeBytes(Apk.read("classes.jar", archive)) }
        val classes = Apk.classNames(jar)
        assertTrue("dev.beistand.BeistandAndroid" in classes && "dev.beistand.android.SendLaterService" in classes, "$classes")
        // Twice in an app, a class is an error of the build.
        assertEquals(emptySet(), classes.toSet() intersect Apk.classNames(Apk.jar("beistand")).toSet())
        assertNull(classes.firstOrNull { it.startsWith("kotlin.") || it.startsWith("com.sun.jna.") || it.startsWith("android.") })
    }

    @Test
    fun `what is published beside the archive takes JNA once, as an archive`() {
        val pom = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(File(archive.path.removeSuffix("aar") + "pom"))

        fun text(name: String) = pom.getElementsByTagName(name).let { found -> List(found.length) { found.item(it).textContent } }
        assertEquals(listOf("aar"), text("packaging"))
        assertEquals(
            listOf("beistand-android", "beistand", "jna", "jna"),
            text("artifactId"),
            "the third is what is left out of the second",
        )
        assertEquals(listOf("aar"), text("type"))
        assertEquals("beistand-android-${text("version").first()}", archive.name.removeSuffix(".aar").removeSuffix("-no-native"))
        assertTrue(File(System.getProperty("target"), "jars/beistand-${text("version")[1]}.jar").exists(), "another version than the app's")
    }

    private fun output(vararg command: String): String {
        val process = ProcessBuilder(*command).redirectErrorStream(true).start()
        val said = process.inputStream.readAllBytes().decodeToString()
        assertEquals(0, process.waitFor(), said)
        return said
    }

    private companion object {
        const val PAGE = 16 * 1024
    }
}
