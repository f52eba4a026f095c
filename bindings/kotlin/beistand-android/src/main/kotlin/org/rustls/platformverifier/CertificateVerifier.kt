// Android's verdict on a server's certificates, for rustls-platform-verifier in the native library. That library calls a class
// of this name and shape; its own authors' build of it is in no public Maven repository, so this one is ours.

package org.rustls.platformverifier

import android.content.Context
import android.net.http.X509TrustManagerExtensions
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.cert.CertificateException
import java.security.cert.CertificateFactory
import java.security.cert.X509Certificate
import java.util.Date
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager

/** What is told back; the native library reads both fields by their names. */
internal class VerificationResult(
    @JvmField val code: Int,
    @JvmField val message: String? = null,
)

/** Codes of the native library. */
internal object Verdict {
    const val GOOD = 0
    const val NO_TRUST_STORE = 1
    const val EXPIRED = 2
    const val UNKNOWN = 3
    const val MALFORMED = 5
    const val WRONG_PURPOSE = 6
}

/** Decides about a chain for a host, or throws a [CertificateException]. */
internal fun interface Judge {
    fun judge(chain: Array<X509Certificate>, keyExchange: String, host: String)
}

/**
 * Called from a thread of the native library. Trust is what the system and the app's network security configuration say.
 * Whether a certificate was revoked is asked by nobody here, as Android itself asks nobody; the answer that a server may bring
 * along is not looked at. The name of the host is checked by the native library as well.
 */
internal object CertificateVerifier {
    private val ofTheSystem: Judge by lazy {
        val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
        factory.init(null as KeyStore?)
        val manager = X509TrustManagerExtensions(factory.trustManagers.filterIsInstance<X509TrustManager>().first())
        Judge { chain, keyExchange, host -> manager.checkServerTrusted(chain, keyExchange, host) }
    }

    @JvmStatic
    @Suppress("UNUSED_PARAMETER", "LongParameterList") // The native library gives what its authors' build takes.
    fun verifyCertificateChain(
        context: Context,
        host: String,
        keyExchange: String,
        purposes: Array<String>,
        revocation: ByteArray?,
        millis: Long,
        encoded: Array<ByteArray>,
    ): VerificationResult {
        val judge = try {
            ofTheSystem
        } catch (_: GeneralSecurityException) {
            return VerificationResult(Verdict.NO_TRUST_STORE)
        }
        return verify(host, keyExchange, purposes, millis, encoded, judge)
    }

    fun verify(
        host: String,
        keyExchange: String,
        purposes: Array<String>,
        millis: Long,
        encoded: Array<ByteArray>,
        judge: Judge,
    ): VerificationResult {
        val chain = try {
            val factory = CertificateFactory.getInstance("X.509")
            Array(encoded.size) { factory.generateCertificate(encoded[it].inputStream()) as X509Certificate }
        } catch (_: CertificateException) {
            return VerificationResult(Verdict.MALFORMED)
        }
        val server = chain.firstOrNull() ?: return VerificationResult(Verdict.MALFORMED)
        return try {
            val now = Date(millis)
            // By the client's clock; the judge has the phone's.
            if (now.before(server.notBefore) || now.after(server.notAfter)) return VerificationResult(Verdict.EXPIRED)
            val allowed = server.extendedKeyUsage
            if (allowed != null && allowed.none { it in purposes || it == ANY_PURPOSE }) {
                return VerificationResult(Verdict.WRONG_PURPOSE)
            }
            judge.judge(chain, keyExchange, host)
            VerificationResult(Verdict.GOOD)
        } catch (refused: CertificateException) {
            // The native library wants words here. Which certificate it was is in none of them.
            VerificationResult(Verdict.UNKNOWN, refused.javaClass.simpleName)
        }
    }

    /** `anyExtendedKeyUsage` of RFC 5280. */
    private const val ANY_PURPOSE = "2.5.29.37.0"
}
