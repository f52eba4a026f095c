// A configuration that was looked at as far as that is possible without opening anything; the core looks again, at all of it.

package dev.beistand.internal

import dev.beistand.BeistandConfig
import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import dev.beistand.SupportRetry
import java.net.URI
import java.net.URISyntaxException
import java.nio.file.Path
import java.util.Base64
import java.util.Locale
import kotlin.time.Duration

internal class CheckedConfig private constructor(val config: BeistandConfig, val folder: Path, val locale: String) {
    companion object {
        private const val KEY_BYTES = 32
        private val LOOPBACK = Regex("localhost|.*\\.localhost|127(\\.[0-9]{1,3}){3}|\\[::1]")

        fun of(config: BeistandConfig): CheckedConfig {
            checkServer(config.server)
            if (config.appKey.isEmpty() || config.appKey.any { it !in '!'..'~' }) {
                wrong("the app key is empty or has characters outside ASCII")
            }
            val folder = config.folder
                ?: wrong("BeistandConfig.folder is not set: name a folder of this app alone; on Android use Beistand(context, config)")
            if (folder.toString().isEmpty()) wrong("BeistandConfig.folder has no name")
            positive(config.outboxItems.toLong(), "outboxItems")
            positive(config.outboxBytes, "outboxBytes")
            positive(config.outboxFileBytes, "outboxFileBytes")
            positive(config.attachmentCacheBytes, "attachmentCacheBytes")
            positive(config.faq.cacheBytes, "faq.cacheBytes")
            positive(config.faq.imageBytes, "faq.imageBytes")
            finite(config.requestTimeout, "requestTimeout")
            finite(config.tokenTimeout, "tokenTimeout")
            finite(config.faq.maxAge, "faq.maxAge")
            config.faq.key?.let(::checkKey)
            return CheckedConfig(config, folder, config.locale ?: Locale.getDefault().toLanguageTag())
        }

        private fun checkServer(server: String) {
            val url = try {
                URI(server)
            } catch (_: URISyntaxException) {
                wrong("the server address is no URL")
            }
            val scheme = url.scheme?.lowercase()
            val host = url.host
            if ((scheme != "https" && scheme != "http") || host == null) wrong("the server address must begin with https:// or http://")
            if (scheme == "http" && !LOOPBACK.matches(host.lowercase())) {
                wrong("plain http:// is allowed to this machine only: a message must not be readable on its way")
            }
            if (url.rawQuery != null || url.rawFragment != null) wrong("the server address has a query or a fragment")
        }

        private fun checkKey(key: String) {
            val bytes = try {
                Base64.getDecoder().decode(key.trim())
            } catch (_: IllegalArgumentException) {
                null
            }
            if (bytes?.size != KEY_BYTES) wrong("the FAQ key is not 32 bytes in Base64")
        }

        private fun positive(value: Long, name: String) {
            if (value <= 0) wrong("BeistandConfig.$name is not positive")
        }

        private fun finite(value: Duration, name: String) {
            if (!value.isPositive() || value.isInfinite()) wrong("BeistandConfig.$name is not positive and finite")
        }

        private fun wrong(why: String): Nothing =
            throw SupportException(SupportErrorKind.Configuration, "configuration", SupportRetry.Never, why)
    }
}
