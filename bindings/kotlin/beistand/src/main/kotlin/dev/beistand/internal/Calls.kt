// What every call into the library has around it: a thread that is not the screen's, and errors in the words of the façade.

package dev.beistand.internal

import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import dev.beistand.SupportRetry
import dev.beistand.internal.ffi.FfiErrorKind
import dev.beistand.internal.ffi.FfiException
import dev.beistand.internal.ffi.FfiRetry
import dev.beistand.internal.ffi.InternalException

internal fun shutDown() = SupportException(SupportErrorKind.ShutDown, "shut-down", SupportRetry.Never, "the client was shut down")

private fun broken(detail: String, cause: Throwable?) =
    SupportException(SupportErrorKind.Internal, "internal", SupportRetry.Never, detail, cause)

/** Does something with the library. Whatever it throws is a [SupportException] afterwards. */
internal inline fun <T> translated(work: () -> T): T = try {
    work()
} catch (failed: FfiException.Failed) {
    throw failed.translated()
} catch (panic: InternalException) {
    throw internal(panic)
} catch (destroyed: IllegalStateException) {
    throw ended(destroyed)
}

internal fun internal(panic: InternalException): SupportException =
    broken("a fault inside Beistand: please report it; what was stored before is safe", panic)

/** An object of the library that was let go meanwhile belongs to a client that was shut down. */
internal fun ended(destroyed: IllegalStateException): Exception =
    if (destroyed.message.orEmpty().endsWith("has already been destroyed")) shutDown() else destroyed

internal fun FfiException.Failed.translated(): SupportException = SupportException(kind.translated(), code, retry.translated(), detail)

private fun FfiErrorKind.translated(): SupportErrorKind = when (this) {
    FfiErrorKind.INVALID_INPUT -> SupportErrorKind.InvalidInput
    FfiErrorKind.NOT_FOUND -> SupportErrorKind.NotFound
    FfiErrorKind.TOO_LATE -> SupportErrorKind.TooLate
    FfiErrorKind.OUTBOX_FULL -> SupportErrorKind.OutboxFull
    FfiErrorKind.STORAGE_FULL -> SupportErrorKind.StorageFull
    FfiErrorKind.STORAGE -> SupportErrorKind.Storage
    FfiErrorKind.STORAGE_DAMAGED -> SupportErrorKind.StorageDamaged
    FfiErrorKind.UNREADABLE -> SupportErrorKind.Unreadable
    FfiErrorKind.LOCATION_REMAINS -> SupportErrorKind.LocationRemains
    FfiErrorKind.SHUT_DOWN -> SupportErrorKind.ShutDown
    FfiErrorKind.FOLDER_IN_USE -> SupportErrorKind.FolderInUse
    FfiErrorKind.CONFIGURATION -> SupportErrorKind.Configuration
    FfiErrorKind.UNREACHABLE -> SupportErrorKind.Unreachable
    FfiErrorKind.REFUSED -> SupportErrorKind.Refused
    FfiErrorKind.LOGIN_FAILED -> SupportErrorKind.LoginFailed
    FfiErrorKind.FAQ -> SupportErrorKind.Faq
    // Nothing here cancels by handle: Kotlin drops the call itself.
    FfiErrorKind.CANCELLED -> SupportErrorKind.Internal
    FfiErrorKind.INTERNAL -> SupportErrorKind.Internal
}

private fun FfiRetry.translated(): SupportRetry = when (this) {
    FfiRetry.NEVER -> SupportRetry.Never
    FfiRetry.AFTER_CHANGE -> SupportRetry.AfterChange
    FfiRetry.SOON -> SupportRetry.Soon
}
