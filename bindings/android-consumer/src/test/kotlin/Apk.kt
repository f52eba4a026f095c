// The packed app, to look into: its classes as the phone would load them, and where its native libraries begin.

import org.jf.dexlib2.DexFileFactory
import org.jf.dexlib2.Opcodes
import org.jf.dexlib2.iface.ClassDef
import java.io.File
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipEntry
import java.util.zip.ZipFile

/** What the build made. */
object Apk {
    val file = File(System.getProperty("target"), "shop.apk")

    /** The class path that the app was compiled with, to know what a name was before R8. */
    fun jar(name: String): File = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
        .split(File.pathSeparator).map(::File).single { it.name.matches(Regex("$name-\\d.*\\.jar")) }

    /** All classes, by their binary names. */
    val classes: Map<String, ClassDef> by lazy {
        val dex = DexFileFactory.loadDexContainer(file, Opcodes.forApi(26))
        dex.dexEntryNames.flatMap { dex.getEntry(it)!!.dexFile.classes }.associateBy { binaryName(it.type) }
    }

    fun binaryName(type: String): String = type.removePrefix("L").removeSuffix(";").replace('/', '.')

    /** Names of all classes of a JAR or of the `classes.jar` of an archive. */
    fun classNames(jar: File): List<String> = ZipFile(jar).use { zip ->
        zip.entries().asSequence().map { it.name }.filter { it.endsWith(".class") && !it.startsWith("META-INF") }
            .map { it.removeSuffix(".class").replace('/', '.') }.toList()
    }

    fun libraries(): List<ZipEntry> = ZipFile(file).use { zip -> zip.entries().asSequence().filter { it.name.endsWith(".so") }.toList() }

    fun read(entry: String, from: File = file): ByteArray = ZipFile(from).use { zip -> zip.getInputStream(zip.getEntry(entry)).readBytes() }

    /** Where the bytes of an entry begin in the file: behind its local header, which the JDK does not tell. */
    fun offset(name: String): Long = RandomAccessFile(file, "r").use { apk ->
        val tail = ByteArray(22)
        apk.seek(apk.length() - tail.size)
        apk.readFully(tail)
        val end = little(tail)
        check(end.getInt(0) == 0x06054b50) { "the file ends with a comment" }
        val directory = ByteArray(end.getInt(12))
        apk.seek(end.getInt(16).toLong())
        apk.readFully(directory)
        val entries = little(directory)
        var at = 0
        while (at < directory.size) {
            val (nameLength, extraLength, commentLength) = listOf(28, 30, 32).map { entries.getShort(at + it).toInt() and 0xffff }
            if (String(directory, at + 46, nameLength) == name) {
                val header = ByteArray(30)
                val begin = entries.getInt(at + 42).toLong()
                apk.seek(begin)
                apk.readFully(header)
                return@use begin + 30 + little(header).getShort(26) + little(header).getShort(28)
            }
            at += 46 + nameLength + extraLength + commentLength
        }
        error("there is no $name")
    }

    /** The smallest alignment of the segments of a 64-bit library; `null` for other ones. */
    fun segmentAlignment(elf: ByteArray): Long? {
        val header = little(elf)
        if (elf[4].toInt() != 2) return null
        val (begin, size, count) = Triple(header.getLong(32).toInt(), header.getShort(54).toInt(), header.getShort(56).toInt())
        val loaded = (0 until count).map { begin + it * size }.filter { header.getInt(it) == 1 }
        return loaded.minOf { header.getLong(it + 48) }
    }

    private fun little(bytes: ByteArray): ByteBuffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
}
