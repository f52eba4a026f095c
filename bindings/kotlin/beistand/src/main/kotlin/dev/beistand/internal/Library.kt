// The native library: loaded with the first use, once in a process, and what its absence looks like to a developer.

package dev.beistand.internal

import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import dev.beistand.SupportRetry
import dev.beistand.internal.ffi.libraryVersion
import dev.beistand.internal.ffi.uniffiEnsureInitialized

internal object Library {
    private const val OTHER_VERSION = "the native library is of another version than dev.beistand:beistand: use the same version of both"

    private val failure: SupportException? by lazy { load() }

    /** Loads it, if that has not happened. */
    fun ensure() {
        failure?.let { throw SupportException(it.kind, it.code, it.retry, it.detail, it) }
    }

    private fun load(): SupportException? = try {
        uniffiEnsureInitialized()
        libraryVersion()
        null
    } catch (error: LinkageError) {
        // No such library, or no JNA; whatever a class initialiser throws arrives as one of these as well.
        missing(error)
    }

    private fun missing(error: LinkageError): SupportException {
        val cause = error.cause
        val detail = when {
            error is UnsatisfiedLinkError && error.message.orEmpty().startsWith("Error looking up function") -> OTHER_VERSION
            error is UnsatisfiedLinkError ->
                "the native library beistand_ffi is not in this app or not for its processor: add the package " +
                    "dev.beistand:beistand-native or dev.beistand:beistand-native-calls; on the JVM name its folder with -Djna.library.path"
            error is NoClassDefFoundError && error.message.orEmpty().startsWith("com/sun/jna") ->
                "JNA is not in this app or was renamed: add net.java.dev.jna:jna, and keep com.sun.jna when the app is minified"
            cause is RuntimeException && cause.message.orEmpty().startsWith("UniFFI") -> OTHER_VERSION
            else -> "the native library beistand_ffi cannot be loaded"
        }
        return SupportException(SupportErrorKind.LibraryMissing, "library-missing", SupportRetry.Never, detail, error)
    }
}
