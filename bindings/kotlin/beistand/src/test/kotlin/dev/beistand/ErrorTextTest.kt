// What a person reads when something failed.

package dev.beistand

import org.junit.jupiter.api.Test
import java.util.Locale
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue

class ErrorTextTest {
    @Test
    fun `every kind has a sentence in both languages, and none shouts`() {
        val codes = listOf("", "text-empty", "text-too-long", "attachment-too-large", "rate-limited", "update-required")
        for (kind in SupportErrorKind.values()) {
            for (code in codes) {
                val failure = SupportException(kind, code, SupportRetry.Never, "detail")
                val (german, english) = failure.text(Locale.GERMANY) to failure.text(Locale.UK)
                assertNotEquals(german, english, "$kind $code")
                for (text in listOf(german, english)) {
                    assertTrue(text.endsWith(".") && '!' !in text && "detail" !in text, text)
                }
            }
        }
    }

    @Test
    fun `a code that says more than its kind is told`() {
        val empty = SupportException(SupportErrorKind.InvalidInput, "text-empty", SupportRetry.AfterChange, "")
        assertEquals("Please write something.", empty.text(Locale.ENGLISH))
        assertEquals("Bitte schreiben Sie etwas.", empty.text(Locale("de", "AT")))
        assertEquals(empty.text(Locale.ENGLISH), empty.text(Locale.FRENCH))
    }
}
