// A screen without a framework: what was written and answered, a line to write in, a button.

package shop.help

import android.app.Activity
import android.app.Application
import android.os.Bundle
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.TextView
import dev.beistand.Beistand
import dev.beistand.BeistandConfig
import dev.beistand.Conversation
import dev.beistand.SupportClient
import dev.beistand.SupportException
import dev.beistand.TicketDraft
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

class ShopApp : Application() {
    lateinit var support: SupportClient

    override fun onCreate() {
        super.onCreate()
        support = Beistand(this, BeistandConfig(server = "https://support.example.com", appKey = "your-app-key"))
    }
}

class HelpActivity : Activity() {
    private val scope: CoroutineScope = MainScope()
    private val support get() = (application as ShopApp).support
    private lateinit var shown: TextView
    private var ticket: Conversation? = null
    private var showing: Job? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        shown = TextView(this)
        val text = EditText(this)
        val send = Button(this).apply { setText(android.R.string.ok) }
        send.setOnClickListener { scope.launch { write(text.text.toString()) } }
        setContentView(
            LinearLayout(this).apply {
                orientation = LinearLayout.VERTICAL
                addView(shown)
                addView(text)
                addView(send)
            },
        )
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    private suspend fun write(text: String) {
        try {
            withContext(Dispatchers.Default) {
                val open = ticket
                if (open != null) open.send(text) else ticket = support.conversations.open(TicketDraft("Parcel", text))
            }
        } catch (failure: SupportException) {
            shown.text = failure.text()
            return
        }
        if (showing == null) showing = scope.launch { show(checkNotNull(ticket)) }
    }

    private suspend fun show(ticket: Conversation) {
        ticket.timeline.collect { timeline -> shown.text = timeline.messages.joinToString("\n") { it.text.orEmpty() } }
    }
}
