// Tells when there is a network again, or another one, while the app is in front.

package dev.beistand.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.os.Handler
import android.os.Looper

/** Calls [back] from the main thread for each network that becomes the phone's own. */
internal class NetworkWatch(private val context: Context, private val back: () -> Unit) {
    private var callback: ConnectivityManager.NetworkCallback? = null
    private var closed = false

    /** Begins to watch. `false` if the system does not let it: the client then finds out by trying. */
    @Synchronized
    fun begin(): Boolean {
        if (callback != null || closed) return true
        val manager = context.getSystemService(ConnectivityManager::class.java) ?: return false
        val watch = object : ConnectivityManager.NetworkCallback() {
            override fun onAvailable(network: Network) = back()
        }
        // The main thread rather than one that the system would start for it: all that happens there is a word to the client.
        val asked = runCatching { manager.registerDefaultNetworkCallback(watch, Handler(Looper.getMainLooper())) }
        // An app may have taken the permission out of its manifest, and a system may have too many watchers.
        if (asked.isSuccess) callback = watch
        return asked.isSuccess
    }

    /** Ends it: in the background nobody is woken for a network. */
    @Synchronized
    fun end() {
        val watch = callback ?: return
        callback = null
        runCatching { context.getSystemService(ConnectivityManager::class.java)?.unregisterNetworkCallback(watch) }
    }

    /** Ends it for good. */
    @Synchronized
    fun close() {
        closed = true
        end()
    }
}
