// The whole of it: an app with an activity, the real library, and a real server.

package dev.beistand.android

import android.app.Activity
import android.app.Application
import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.net.ConnectivityManager
import dev.beistand.Beistand
import dev.beistand.BeistandConfig
import dev.beistand.Connection
import dev.beistand.Conversation
import dev.beistand.MessageState
import dev.beistand.SupportClient
import dev.beistand.TicketDraft
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadow.api.Shadow
import java.nio.file.Files
import kotlin.time.Duration.Companion.seconds

@RunWith(RobolectricTestRunner::class)
class AndroidClientTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val jobs = app.getSystemService(JobScheduler::class.java)!!
    private val world = World()
    private val support: SupportClient = Beistand(app, BeistandConfig(server = world.server, appKey = world.appKey))

    @After
    fun end() {
        runBlocking { support.shutdown() }
        world.close()
    }

    @Test
    fun the_factory_opens_nothing_and_starts_no_thread() {
        val before = Thread.getAllStackTraces().keys
        Beistand(app, BeistandConfig(server = world.server, appKey = world.appKey)).close()
        val names = (Thread.getAllStackTraces().keys - before).map { it.name }
        assertTrue("started: $names", names.none { it.startsWith("beistand") || it.startsWith("DefaultDispatcher") })
        assertFalse(Files.exists(app.noBackupFilesDir.toPath().resolve("beistand")))
    }

    @Test
    fun the_database_lies_where_no_backup_looks() = runBlocking {
        support.conversations.unread()
        val folder = app.noBackupFilesDir.toPath().resolve("beistand")
        assertTrue(Files.list(folder).use { it.findAny().isPresent })
    }

    @Test
    fun in_front_a_message_leaves_at_once() = runBlocking {
        Robolectric.buildActivity(Activity::class.java).setup().use {
            val ticket = open("It never came")
            sent(ticket)
            assertEquals(listOf(Stored("It never came", 0)), world.messages(ticket.id.value))
        }
    }

    @Test
    fun in_the_background_nothing_leaves_and_coming_back_sends_it() = runBlocking {
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        val ticket = open("First")
        sent(ticket)
        activity.pause().stop()
        // It is at rest: without the rest the message would be there before the job is.
        settled()
        val second = ticket.send("Second")
        until("a job is planned") { jobs.getPendingJob(SendLaterService.JOB) != null }
        assertEquals(MessageState.Queued, ticket.message(second).state)
        assertEquals(listOf("First"), world.messages(ticket.id.value).map { it.text })
        activity.restart().start().resume()
        until("the second is there") { world.messages(ticket.id.value).map { it.text } == listOf("First", "Second") }
        until("the job is dropped") { jobs.getPendingJob(SendLaterService.JOB) == null }
        activity.close()
    }

    @Test
    fun when_the_network_is_back_what_waits_leaves() = runBlocking {
        Robolectric.buildActivity(Activity::class.java).setup().use {
            world.network("offline")
            val ticket = open("Written in a tunnel")
            withTimeout(30.seconds) { support.connection.first { it == Connection.Offline } }
            world.network("online")
            back()
            sent(ticket)
        }
    }

    @Test
    fun what_waits_when_the_app_goes_away_is_sent_by_a_job_of_the_system() = runBlocking {
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        world.network("offline")
        val ticket = open("Written in a tunnel")
        activity.pause().stop()
        until("a job is planned") { jobs.getPendingJob(SendLaterService.JOB) != null }
        assertEquals(JobInfo.NETWORK_TYPE_ANY, networkOf(jobs.getPendingJob(SendLaterService.JOB)!!))
        settled()

        world.network("online")
        val service = Robolectric.buildService(SendLaterService::class.java).create().get()
        assertTrue(service.onStartJob(Shadow.newInstanceOf(JobParameters::class.java)))
        until("the job has ended") { shadowOf(service).isJobFinished }
        assertFalse(shadowOf(service).isRescheduleNeeded)
        assertEquals(listOf("Written in a tunnel"), world.messages(ticket.id.value).map { it.text })
        activity.close()
    }

    @Test
    fun no_job_is_planned_when_nothing_waits() = runBlocking {
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        sent(open("It never came"))
        until("nothing waits") { support.outbox.items().isEmpty() }
        activity.pause().stop()
        settled()
        assertNull(jobs.getPendingJob(SendLaterService.JOB))
        activity.close()
    }

    @Test
    fun a_job_without_a_client_ends_at_once() = runBlocking {
        support.shutdown()
        val service = Robolectric.buildService(SendLaterService::class.java).create().get()
        assertFalse(service.onStartJob(Shadow.newInstanceOf(JobParameters::class.java)))
    }

    @Test
    fun after_the_shutdown_nothing_watches() = runBlocking {
        Robolectric.buildActivity(Activity::class.java).setup().use {
            support.conversations.unread()
            until("the network is watched") { watchers().isNotEmpty() }
            support.shutdown()
            assertTrue(watchers().isEmpty())
        }
    }

    @Suppress("DEPRECATION") // Its successor tells a request, which does not say which of the simple kinds it was made of.
    private fun networkOf(job: JobInfo) = job.networkType

    private suspend fun open(text: String): Conversation = support.conversations.open(TicketDraft(subject = "Parcel", text = text))

    private suspend fun sent(ticket: Conversation) {
        until("all of it is there") { support.outbox.items().none { it.conversation == ticket.id } }
    }

    /** The client rests once nobody watches the network any more, and its pause has ended with the next turn. */
    private suspend fun settled() {
        until("nobody watches") { watchers().isEmpty() }
        (support as AndroidClient).rested()
    }

    private fun watchers() = shadowOf(app.getSystemService(ConnectivityManager::class.java)!!).networkCallbacks

    private fun back() {
        val manager = app.getSystemService(ConnectivityManager::class.java)!!
        watchers().forEach { it.onAvailable(manager.activeNetwork!!) }
    }

    private suspend fun until(what: String, there: suspend () -> Boolean) {
        try {
            withTimeout(30.seconds) { while (!there()) delay(20) }
        } catch (late: kotlinx.coroutines.TimeoutCancellationException) {
            throw AssertionError("never: $what", late)
        }
    }
}
