// The fake's failures, with the codes of the real client.

package dev.beistand.testing

import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import dev.beistand.SupportRetry

internal fun fail(kind: SupportErrorKind, code: String, detail: String): Nothing {
    val retry = when (kind) {
        SupportErrorKind.InvalidInput, SupportErrorKind.OutboxFull, SupportErrorKind.StorageFull, SupportErrorKind.Unreadable,
        SupportErrorKind.LocationRemains,
        -> SupportRetry.AfterChange
        SupportErrorKind.Storage, SupportErrorKind.StorageDamaged, SupportErrorKind.Unreachable -> SupportRetry.Soon
        else -> SupportRetry.Never
    }
    throw SupportException(kind, code, retry, detail)
}

internal fun invalid(code: String, detail: String): Nothing = fail(SupportErrorKind.InvalidInput, code, detail)

/** Holds words against the rules that every server has. */
internal fun checkWords(text: String, most: Int, files: Int = 0) {
    val characters = text.codePointCount(0, text.length)
    when {
        files == 0 && text.isBlank() -> invalid("text-empty", "the text has no visible character")
        characters > most -> invalid("text-too-long", "at most $most characters are allowed")
        text.any {
            it.isISOControl() && it != '\n' && it != '\t' && it != '\r'
        } -> invalid("text-invalid", "the text has control characters")
    }
}
