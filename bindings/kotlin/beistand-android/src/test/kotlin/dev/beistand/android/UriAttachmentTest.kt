// Files behind content URIs, and those that vanish.

package dev.beistand.android

import android.app.Application
import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import dev.beistand.AttachmentSource
import dev.beistand.Beistand
import dev.beistand.BeistandConfig
import dev.beistand.MessageDraft
import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import dev.beistand.TicketDraft
import dev.beistand.uri
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import java.io.File
import java.io.FileNotFoundException
import kotlin.time.Duration.Companion.seconds

/** Owns the files of a folder, as a picker's documents are owned by somebody else. */
class Files : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun query(uri: Uri, projection: Array<String>?, selection: String?, arguments: Array<String>?, order: String?): Cursor {
        if (uri.lastPathSegment == "forbidden") throw SecurityException("the permission has ended")
        val cursor = MatrixCursor(projection ?: arrayOf(OpenableColumns.DISPLAY_NAME))
        if (file(uri).exists()) cursor.addRow(arrayOf("Lieferschein für ${file(uri).name}"))
        return cursor
    }

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        if (!file(uri).exists()) throw FileNotFoundException(uri.toString())
        return ParcelFileDescriptor.open(file(uri), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun getType(uri: Uri): String = "application/pdf"

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    private fun file(uri: Uri) = File(folder, uri.lastPathSegment!!)

    companion object {
        lateinit var folder: File
    }
}

@RunWith(RobolectricTestRunner::class)
class UriAttachmentTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val world = World()
    private val support = Beistand(app, BeistandConfig(server = world.server, appKey = world.appKey))

    @Before
    fun own() {
        Files.folder = File(app.cacheDir, "owned").apply { mkdirs() }
        Robolectric.buildContentProvider(Files::class.java).create(OWNER)
    }

    @After
    fun end() {
        runBlocking { support.shutdown() }
        world.close()
    }

    @Test
    fun a_file_behind_a_uri_arrives_under_its_owners_name() = runBlocking {
        val bytes = "%PDF-1.4\n".toByteArray() + ByteArray(200_000) { (it % 251).toByte() }
        File(Files.folder, "a.pdf").writeBytes(bytes)
        val file = AttachmentSource.uri(app, Uri.parse("content://$OWNER/a.pdf"))
        assertEquals("Lieferschein für a.pdf", file.displayName)
        val ticket = support.conversations.open(TicketDraft(subject = "Parcel", text = "See there", attachments = listOf(file)))
        // The owner may take it away now.
        File(Files.folder, "a.pdf").delete()
        val shown = ticket.timeline.first { it.loaded }.messages.single().attachments.single()
        assertEquals("Lieferschein für a.pdf", shown.name)
        assertEquals(bytes.size.toLong(), shown.size)
        val message = ticket.timeline.first { it.loaded }.messages.single().id
        assertTrue(ticket.awaitSent(message, 30.seconds) != null)
        assertEquals(listOf(Stored("See there", 1)), world.messages(ticket.id.value))
    }

    @Test
    fun a_uri_that_leads_nowhere_is_unreadable() {
        for (uri in listOf("content://$OWNER/gone.pdf", "content://nobody/a.pdf", "content://$OWNER/forbidden")) {
            assertUnreadable { AttachmentSource.uri(app, Uri.parse(uri)) }
        }
    }

    @Test
    fun a_uri_that_vanishes_before_the_sending_is_unreadable_and_nothing_is_stored() = runBlocking {
        val ticket = support.conversations.open(TicketDraft(subject = "Parcel", text = "First"))
        File(Files.folder, "b.pdf").writeBytes(ByteArray(10))
        val file = AttachmentSource.uri(app, Uri.parse("content://$OWNER/b.pdf"))
        File(Files.folder, "b.pdf").delete()
        assertUnreadable { ticket.send(MessageDraft("See there", listOf(file))) }
        assertEquals(1, ticket.timeline.first { it.loaded }.messages.size)
    }

    private fun assertUnreadable(work: suspend () -> Unit) = runBlocking {
        try {
            work()
            throw AssertionError("it was taken")
        } catch (error: SupportException) {
            assertEquals(SupportErrorKind.Unreadable, error.kind)
            assertTrue("the detail tells a name: ${error.detail}", "pdf" !in error.detail)
        }
    }

    private companion object {
        const val OWNER = "shop.files"
    }
}
