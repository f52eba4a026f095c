// What a caller can do about a failure: a kind, a stable code, whether another try makes sense, a sentence for developers,
// and one for the person. None of them holds what a person wrote.

package dev.beistand

import java.util.Locale

/**
 * A failure.
 *
 * @property kind what a caller can tell apart.
 * @property code stable; each is explained in the documentation's page of errors.
 * @property retry whether doing the same again makes sense.
 * @property detail one sentence for developers; never holds what a person wrote.
 */
public class SupportException(
    public val kind: SupportErrorKind,
    public val code: String,
    public val retry: SupportRetry,
    public val detail: String,
    cause: Throwable? = null,
) : Exception("$code: $detail", cause) {
    /** A sentence for the person, in German or else in English. */
    @JvmOverloads
    public fun text(locale: Locale = Locale.getDefault()): String = ErrorTexts.of(kind, code, german = locale.language == "de")
}

/** Whether doing the same again makes sense. */
public enum class SupportRetry {
    /** The same call will fail again. */
    Never,

    /** Once something has changed that the error names: room on the disk, another text. */
    AfterChange,

    /** At once, or a little later. */
    Soon,
}

/** The kinds of failure. Later versions may add some: let a `when` have an `else`. */
public enum class SupportErrorKind {
    /** The input breaks a rule, known by the code; nothing was stored. */
    InvalidInput,

    /** There is no such thing on this phone. */
    NotFound,

    /** The change comes too late. */
    TooLate,

    /** The outbox holds as much as it may; nothing was stored. */
    OutboxFull,

    /** The disk is full; nothing was stored. */
    StorageFull,

    /** The local database failed otherwise. */
    Storage,

    /** The local database was damaged and was rebuilt from what could be read: call again. */
    StorageDamaged,

    /** A file that was to be attached cannot be read; nothing was stored. */
    Unreadable,

    /** The place where a photo was taken cannot be removed from it; nothing was stored. */
    LocationRemains,

    /** The client was shut down. */
    ShutDown,

    /** Another client uses the same folder. */
    FolderInUse,

    /** The client was configured with something impossible. */
    Configuration,

    /** The server could not be reached, or did not answer like a Beistand server. */
    Unreachable,

    /** The server refused, with the code. */
    Refused,

    /** The token provider failed, or its token was refused; everything is as it was. */
    LoginFailed,

    /** A publication of the FAQ, or one of its pictures, was not taken. */
    Faq,

    /** This native library cannot do it: calls without the package for calls. */
    Unsupported,

    /** The native library is missing from the app, or is of another version than this package. */
    LibraryMissing,

    /** A fault of Beistand itself. */
    Internal,
}
