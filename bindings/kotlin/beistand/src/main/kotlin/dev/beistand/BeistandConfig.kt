// What a client is built from. Everything but the server and the app key has a default that fits a shop's app.

package dev.beistand

import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.seconds

/**
 * What a client is built from.
 *
 * @property server the server's address, `https://…`; plain `http://` for this machine only.
 * @property appKey names the app at the server.
 * @property folder where the local database lies; made if it is not there. Keep it out of backups. One client at a time
 *   uses it. Required on the JVM; the Android package fills it in.
 * @property locale the person's language tag (BCP 47); `null`: that of the JVM.
 * @property platform reported to the server with the registration; `null`: the operating system's name.
 * @property faq how the FAQ is kept.
 * @property outboxItems writes that may wait to be sent. Whoever has 2,000 has written for weeks without a network.
 * @property outboxBytes bytes of words that may wait, for the same reason.
 * @property outboxFileBytes bytes of files that may wait.
 * @property attachmentCacheBytes bytes of files that are kept to be looked at offline.
 * @property trustedRootsPem certificates of authorities, in PEM, that are trusted besides those of the system.
 * @property requestTimeout how long a request may hear nothing before it is given up.
 * @property tokenTimeout how long a [TokenProvider] may take before the login is given up.
 * @property log is told what the client does; `null`: nobody is.
 */
public data class BeistandConfig(
    public val server: String,
    public val appKey: String,
    public val folder: Path? = null,
    public val locale: String? = null,
    public val platform: String? = null,
    public val faq: FaqConfig = FaqConfig(),
    public val outboxItems: Int = 2_000,
    public val outboxBytes: Long = 32L * 1024 * 1024,
    public val outboxFileBytes: Long = 512L * 1024 * 1024,
    public val attachmentCacheBytes: Long = 200L * 1024 * 1024,
    public val trustedRootsPem: String? = null,
    public val requestTimeout: Duration = 30.seconds,
    public val tokenTimeout: Duration = 30.seconds,
    public val log: SupportLog? = null,
) {
    /** Without the key and the certificates: a configuration ends up in logs. */
    override fun toString(): String = "BeistandConfig(server=$server, folder=$folder, locale=$locale, platform=$platform)"
}

/**
 * How the FAQ is kept.
 *
 * @property seeds publications that the app carries, so that the first launch without a network has answers.
 * @property key the Ed25519 public key, in Base64, that publications must be signed with; `null`: any of the server is taken.
 * @property maxAge how old the server's word may be before it is asked again.
 * @property cacheBytes bytes of articles, above which languages that nobody reads are dropped.
 * @property imageBytes bytes of pictures that are kept.
 * @property prefetchImages whether an article's pictures are fetched when it is opened rather than when they are asked for.
 * @property report whether the server may be told, without a name, which articles were opened and which searches found nothing.
 */
public data class FaqConfig(
    public val seeds: List<FaqSeed> = emptyList(),
    public val key: String? = null,
    public val maxAge: Duration = 1.hours,
    public val cacheBytes: Long = 48L * 1024 * 1024,
    public val imageBytes: Long = 40L * 1024 * 1024,
    public val prefetchImages: Boolean = false,
    public val report: Boolean = false,
)

/** A publication of the FAQ that the app carries: what `beistand-server faq bundle` writes, plain or packed with gzip. */
public class FaqSeed private constructor(internal val path: Path?, internal val bytes: ByteArray?) {
    /** How a seed is made. */
    public companion object {
        /** A file. It is read at the first use of the FAQ. */
        public fun path(path: Path): FaqSeed = FaqSeed(path, null)

        /** The bytes themselves, as from a resource. They are not copied: leave them as they are. */
        public fun bytes(bytes: ByteArray): FaqSeed = FaqSeed(null, bytes)
    }
}

/** How loud a line of the log is. */
public enum class LogLevel {
    /** Something is broken that the client cannot mend. */
    Error,

    /** Something went wrong that the client gets over. */
    Warn,

    /** What one wants to know of a client that works. */
    Info,

    /** What one wants to know of a client that does not. */
    Debug,

    /** Everything. */
    Trace,
}

/**
 * Is told what the client does. Lines hold no words of a person, no names and no tokens. Called from a thread of the
 * client, one line at a time; it may call the client, and what it throws is dropped.
 */
public fun interface SupportLog {
    /** One line, from the part of the client that [target] names. */
    public fun log(level: LogLevel, target: String, message: String)
}
