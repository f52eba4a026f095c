// What is told to the client inside, in which order, without a library and a server.

package dev.beistand.android

import android.app.Activity
import android.app.Application
import android.net.ConnectivityManager
import dev.beistand.Conversations
import dev.beistand.Outbox
import dev.beistand.SupportClient
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.lang.reflect.Proxy
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration.Companion.seconds

@RunWith(RobolectricTestRunner::class)
class PresenceTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val told = CopyOnWriteArrayList<String>()
    private val empty = Proxy.newProxyInstance(javaClass.classLoader, arrayOf(Outbox::class.java)) { _, _, _ -> emptyList<Any>() }
    private val inside = Proxy.newProxyInstance(javaClass.classLoader, arrayOf(SupportClient::class.java)) { _, method, _ ->
        if (method.name in setOf("pause", "resume", "wake", "close")) told += method.name
        when (method.name) {
            "getOutbox" -> empty
            "getConversations" -> Proxy.newProxyInstance(javaClass.classLoader, arrayOf(Conversations::class.java)) { _, _, _ -> null }
            else -> Unit
        }
    } as SupportClient
    private val client = AndroidClient(app, inside, null).also { it.watch() }

    @After
    fun end() = client.close()

    @Test
    fun an_app_that_never_uses_support_tells_it_nothing() {
        Robolectric.buildActivity(Activity::class.java).setup().pause().stop().destroy()
        assertEquals(emptyList<String>(), told)
        assertTrue(watchers().isEmpty())
    }

    @Test
    fun the_last_activity_that_stops_puts_it_to_rest_and_the_first_that_starts_rouses_it() {
        client.outbox
        val first = Robolectric.buildActivity(Activity::class.java).setup()
        told("resume")
        val second = Robolectric.buildActivity(Activity::class.java).setup()
        first.pause().stop()
        second.pause().stop()
        told("resume", "pause")
        first.restart().start().resume()
        told("resume", "pause", "resume")
    }

    @Test
    fun a_rotation_is_no_departure() {
        client.outbox
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        told("resume")
        activity.recreate()
        activity.pause().stop()
        told("resume", "pause")
    }

    @Test
    fun a_client_made_while_an_activity_is_in_front_learns_of_it_when_it_goes() {
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        val late = AndroidClient(app, inside, null).also { it.watch() }
        late.outbox
        activity.pause().stop()
        told("pause")
        late.close()
    }

    @Test
    fun a_network_wakes_it_in_front_and_not_in_the_background() {
        client.outbox
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        told("resume")
        val manager = app.getSystemService(ConnectivityManager::class.java)!!
        watchers().forEach { it.onAvailable(manager.activeNetwork!!) }
        told("resume", "wake")
        activity.pause().stop()
        told("resume", "wake", "pause")
        assertTrue(watchers().isEmpty())
    }

    private fun watchers() = shadowOf(app.getSystemService(ConnectivityManager::class.java)!!).networkCallbacks

    private fun told(vararg words: String) = runBlocking {
        withTimeout(10.seconds) { while (told.size < words.size) delay(5) }
        assertEquals(words.toList(), told.toList())
    }
}
