// The app's token provider as the library asks it, and what a login consists of on either side.

package dev.beistand.internal

import dev.beistand.LogoutMode
import dev.beistand.SupportIdentity
import dev.beistand.TokenProvider
import dev.beistand.TokenReason
import dev.beistand.internal.ffi.FfiIdentity
import dev.beistand.internal.ffi.FfiLogout
import dev.beistand.internal.ffi.FfiTokenException
import dev.beistand.internal.ffi.FfiTokenProvider
import dev.beistand.internal.ffi.FfiTokenReason
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import kotlin.time.Duration
import kotlin.time.toJavaDuration

internal class Tokens(private val provider: TokenProvider) : FfiTokenProvider {
    /** On a thread that may be blocked: many a provider waits for its network with the thread that it was called on. */
    @Suppress("TooGenericExceptionCaught")
    override suspend fun token(reason: FfiTokenReason): String = withContext(Dispatchers.IO) {
        try {
            provider.token(reason.translated())
        } catch (cancelled: CancellationException) {
            throw cancelled
        } catch (_: Throwable) {
            // What it said stays with the app: it may name the user.
            throw FfiTokenException.Failed()
        }
    }
}

private fun FfiTokenReason.translated(): TokenReason = when (this) {
    FfiTokenReason.FIRST -> TokenReason.First
    FfiTokenReason.EXPIRED -> TokenReason.Expired
    FfiTokenReason.REFUSED -> TokenReason.Refused
    FfiTokenReason.CLOCK_SKEW -> TokenReason.ClockSkew
}

internal fun FfiIdentity.translated() = SupportIdentity(subject, confirmed)

internal fun LogoutMode.lowered(): FfiLogout = when (this) {
    is LogoutMode.SendFirst -> FfiLogout.SendFirst(within.coerceAtLeast(Duration.ZERO).coerceAtMost(LONGEST).toJavaDuration())
    is LogoutMode.Keep -> FfiLogout.Keep
    is LogoutMode.Discard -> FfiLogout.Discard
}
