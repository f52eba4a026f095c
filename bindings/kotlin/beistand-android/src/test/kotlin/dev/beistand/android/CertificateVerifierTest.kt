// What the verifier says of certificates, with certificates that the JDK's own tool makes, and a stand-in for the system's
// trust: Android's own is not in Robolectric.

package dev.beistand.android

import org.junit.Assert.assertEquals
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.rustls.platformverifier.CertificateVerifier
import org.rustls.platformverifier.Judge
import org.rustls.platformverifier.Verdict
import java.io.File
import java.security.cert.CertificateException

class CertificateVerifierTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun what_the_system_trusts_is_good_and_the_host_is_asked_for() {
        val asked = mutableListOf<String>()
        assertEquals(Verdict.GOOD, verify(made()) { chain, _, host -> asked += "${chain.size} $host" })
        assertEquals(listOf("1 support.example.com"), asked)
    }

    @Test
    fun what_the_system_does_not_trust_is_unknown_and_says_why() {
        // Made first: it is good from its own second on.
        val certificate = made()
        val result = CertificateVerifier.verify(HOST, "RSA", SERVER, now(), arrayOf(certificate)) { _, _, _ ->
            throw CertificateException("of a person")
        }
        assertEquals(Verdict.UNKNOWN, result.code)
        // Without words the native library ends its thread.
        assertEquals("CertificateException", result.message)
    }

    @Test
    fun what_is_no_certificate_is_malformed() {
        assertEquals(Verdict.MALFORMED, verify(byteArrayOf(1, 2, 3)))
        assertEquals(Verdict.MALFORMED, CertificateVerifier.verify(HOST, "RSA", SERVER, now(), arrayOf()) { _, _, _ -> }.code)
    }

    @Test
    fun one_that_is_over_or_has_not_begun_is_expired() {
        assertEquals(Verdict.EXPIRED, verify(made("-startdate", "-10d", "-validity", "5")))
        assertEquals(Verdict.EXPIRED, verify(made("-startdate", "+10d", "-validity", "5")))
    }

    @Test
    fun one_that_is_meant_for_something_else_is_not_taken() {
        assertEquals(Verdict.WRONG_PURPOSE, verify(made("-ext", "eku=clientAuth")))
        assertEquals(Verdict.GOOD, verify(made("-ext", "eku=serverAuth")))
    }

    private fun verify(certificate: ByteArray, judge: Judge = Judge { _, _, _ -> }): Int =
        CertificateVerifier.verify(HOST, "RSA", SERVER, now(), arrayOf(certificate), judge).code

    private fun now() = System.currentTimeMillis()

    private fun made(vararg how: String): ByteArray {
        val keys = File(folder.newFolder(), "keys")
        val store = listOf("-keystore", keys.path, "-storepass", "password", "-alias", "server")
        keytool(listOf("-genkeypair", "-dname", "CN=$HOST", "-keyalg", "EC", "-groupname", "secp256r1") + store + how)
        return keytool(listOf("-exportcert") + store)
    }

    private fun keytool(arguments: List<String>): ByteArray {
        val program = File(System.getProperty("java.home"), "bin/keytool").path
        val process = ProcessBuilder(listOf(program) + arguments).redirectError(ProcessBuilder.Redirect.DISCARD).start()
        val said = process.inputStream.readBytes()
        check(process.waitFor() == 0) { said.decodeToString() }
        return said
    }

    private companion object {
        const val HOST = "support.example.com"
        val SERVER = arrayOf("1.3.6.1.5.5.7.3.1")
    }
}
