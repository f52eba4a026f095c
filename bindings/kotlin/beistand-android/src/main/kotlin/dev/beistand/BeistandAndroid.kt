// The client of an Android app: the one of every JVM, with a folder, and tied to the life of the app and to the network.

@file:JvmName("BeistandAndroid")

package dev.beistand

import android.app.Application
import android.content.Context
import dev.beistand.android.AndroidClient

/**
 * Makes a client that knows the life of this app: it rests while no activity is in front, wakes with the network, and lets
 * the system send later what still waited when the app went away. Nothing of it has to be called by the app.
 *
 * Make it once, best in `Application.onCreate`: it costs nothing there, and the system finds it when it wakes the app for
 * what waits. It opens no file, starts no thread and loads no library; the first use does.
 *
 * @param context any of the app; its application is kept.
 * @param config as everywhere, but a [BeistandConfig.folder] is not needed: it is `beistand` below
 *   [Context.getNoBackupFilesDir], so that no backup carries one phone's credentials to another.
 * @throws SupportException of kind `Configuration`.
 */
public fun Beistand(context: Context, config: BeistandConfig): SupportClient {
    val application = (context.applicationContext ?: context) as? Application
        ?: throw SupportException(
            SupportErrorKind.Configuration,
            "bad-parameter",
            SupportRetry.AfterChange,
            "the context belongs to no application yet: make the client in Application.onCreate or later",
        )
    val folder = config.folder ?: application.noBackupFilesDir.toPath().resolve("beistand")
    val complete = config.copy(folder = folder, platform = config.platform ?: "android")
    return AndroidClient(application, Beistand(complete), config.log).also { it.watch() }
}
