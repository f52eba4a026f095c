// Hands the app's context to the native library, which asks Android whether a server's certificate is to be trusted.

package dev.beistand.internal

import android.content.Context

/** The native library knows this class and its method by their names. */
internal object AndroidTrust {
    private val onAndroid = System.getProperty("java.vm.name") == "Dalvik"

    /**
     * To be called before the first request; loads the native library. Elsewhere than on Android, as in tests, the library
     * asks the system it runs on and needs nothing.
     *
     * @return whether a request to a server with TLS can work.
     */
    fun prepare(context: Context): Boolean {
        if (!onAndroid) return true
        return try {
            System.loadLibrary("beistand_ffi")
            begin(context)
        } catch (_: UnsatisfiedLinkError) {
            // The first call says so, with what to do about it.
            false
        }
    }

    @JvmStatic
    private external fun begin(context: Context): Boolean
}
