// What the native library and JNA reach by name is still there under its name. The list is not written down: it is read from
// the generated code before R8, and from JNA's own native library.

import com.sun.jna.Callback
import com.sun.jna.Library
import com.sun.jna.Structure
import org.jf.dexlib2.AccessFlags
import java.io.File
import java.lang.reflect.Modifier
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class KeptNamesTest {
    private val generated: List<Class<*>> = Apk.classNames(Apk.jar("beistand")).filter { it.startsWith("dev.beistand.internal.ffi.") }
        .map { Class.forName(it, false, javaClass.classLoader) }

    @Test
    fun `structures keep their names, their fields and the order of those`() {
        val structures = generated.filter { Structure::class.java.isAssignableFrom(it) }
        assertTrue(structures.size >= 5, "the generated code has hardly any structures: is this still how it calls?")
        lost(structures) { structure -> structure.declaredFields.filter { !Modifier.isStatic(it.modifiers) }.map { it.name } }
        val ordered = structures.filter { it.isAnnotationPresent(Structure.FieldOrder::class.java) }
        assertTrue(ordered.isNotEmpty())
        val without = ordered.filter { structure ->
            Apk.classes[structure.name]!!.annotations.none { Apk.binaryName(it.type) == Structure.FieldOrder::class.java.name }
        }
        assertEquals(emptyList(), without.map { it.name }, "without the order of their fields")
    }

    @Test
    fun `callbacks keep their names and their one method`() {
        val callbacks = generated.filter { it.isInterface && Callback::class.java.isAssignableFrom(it) }
        assertTrue(callbacks.size >= 3, "the generated code has hardly any callbacks: is this still how it is called?")
        lost(callbacks) { callback -> callback.declaredMethods.map { it.name } }
    }

    @Test
    fun `functions of the native library keep their names`() {
        val holders = generated.filter { holder ->
            Library::class.java.isAssignableFrom(holder) || holder.declaredMethods.any { Modifier.isNative(it.modifiers) }
        }
        val functions = holders.sumOf { holder -> holder.declaredMethods.count { Modifier.isNative(it.modifiers) || holder.isInterface } }
        assertTrue(functions >= 50, "the generated code calls hardly any functions: is this still how it calls?")
        lost(holders) { holder -> holder.declaredMethods.filter { Modifier.isNative(it.modifiers) || holder.isInterface }.map { it.name } }
    }

    @Test
    fun `what JNA's native library looks up by name is there`() {
        val archive = File(System.getProperty("target"), "pack/archives/jna/jni/arm64-v8a/libjnidispatch.so")
        val words = Regex("com/sun/jna/[A-Za-z/$]+").findAll(archive.readBytes().toString(Charsets.ISO_8859_1)).map {
            it.value.replace('/', '.')
        }
        val known = Apk.classNames(Apk.jar("jna")).toSet()
        val wanted = words.toSet() intersect known
        assertTrue(wanted.size >= 10, "found only $wanted")
        assertEquals(emptySet(), wanted - Apk.classes.keys, "not in the app any more")
        val natives = Class.forName("com.sun.jna.Native", false, javaClass.classLoader).declaredMethods.filter {
            Modifier.isNative(it.modifiers)
        }
        val kept = Apk.classes.getValue("com.sun.jna.Native").methods.filter {
            AccessFlags.NATIVE.isSet(it.accessFlags)
        }.map { it.name }.toSet()
        assertEquals(emptySet(), natives.map { it.name }.toSet() - kept)
    }

    @Test
    fun `what the native library calls for Android's verdict on certificates is there`() {
        // These names stand in `bindings/ffi/src/android.rs` and in rustls-platform-verifier.
        val trust = left("dev.beistand.internal.AndroidTrust").methods
        assertTrue(trust.any { it.name == "begin" && AccessFlags.NATIVE.isSet(it.accessFlags) && AccessFlags.STATIC.isSet(it.accessFlags) })
        val verifier = left("org.rustls.platformverifier.CertificateVerifier").methods
        val verify = verifier.single { it.name == "verifyCertificateChain" }
        assertTrue(AccessFlags.STATIC.isSet(verify.accessFlags))
        assertEquals(
            "(Landroid/content/Context;Ljava/lang/String;Ljava/lang/String;[Ljava/lang/String;[BJ[[B)" +
                "Lorg/rustls/platformverifier/VerificationResult;",
            verify.parameterTypes.joinToString("", "(", ")") + verify.returnType,
        )
        val fields = left("org.rustls.platformverifier.VerificationResult").fields.associate { it.name to it.type }
        assertEquals(mapOf("code" to "I", "message" to "Ljava/lang/String;"), fields)
    }

    @Test
    fun `what the app does not use is gone or has another name`() {
        val facade = Apk.classNames(Apk.jar("beistand")).filterNot { it.startsWith("dev.beistand.internal.") }
        val left = facade.filter { it in Apk.classes }
        // Otherwise R8 has kept everything, and the tests above would hold of any app.
        assertTrue(left.size * 4 < facade.size, "${left.size} of ${facade.size} are left under their names: $left")
        assertTrue("shop.help.HelpActivity" in Apk.classes, "the system starts it by this name")
        assertTrue("dev.beistand.android.SendLaterService" in Apk.classes, "the system starts it by this name")
    }

    private fun left(name: String) = checkNotNull(Apk.classes[name]) { "$name is not in the app any more" }

    /** Fails with everything that is missing, not with the first. */
    private fun lost(wanted: List<Class<*>>, members: (Class<*>) -> List<String>) {
        val missing = wanted.flatMap { before ->
            val after = Apk.classes[before.name] ?: return@flatMap listOf(before.name)
            val names = (after.fields.map { it.name } + after.methods.map { it.name }).toSet()
            members(before).filterNot { it in names }.map { "${before.name}.$it" }
        }
        assertEquals(emptyList(), missing, "not in the app any more under their names")
    }
}
