// A JVM that has just begun makes a client, and says what that cost; then it uses it.

package dev.beistand.bench

import dev.beistand.Beistand
import dev.beistand.BeistandConfig
import dev.beistand.SupportException
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import java.nio.file.Files

internal object ColdStart {
    private const val WARM = 2_000

    @JvmStatic
    fun main(arguments: Array<String>) {
        val config = BeistandConfig("http://127.0.0.1:9", "key", Files.createTempDirectory("beistand-cold"))
        val threads = threads()
        val begin = System.nanoTime()
        val client = Beistand(config)
        println("cold_ms=${milliseconds(System.nanoTime() - begin)}")
        val times = LongArray(WARM) {
            val start = System.nanoTime()
            Beistand(config)
            System.nanoTime() - start
        }
        println("warm_ms=${milliseconds(times.sorted()[WARM / 2])}")
        println("threads=${(threads() - threads).size}")
        println("loaded=${Files.readString(java.nio.file.Path.of("/proc/self/maps")).contains("beistand_ffi")}")
        runBlocking {
            try {
                client.conversations.unread()
                println("kind=none")
            } catch (failure: SupportException) {
                println("kind=${failure.kind}")
                println("code=${failure.code}")
                println("detail=${failure.detail}")
            }
            println("again=" + kind { client.settings() })
            println("flow=" + kind { client.conversations.list.first { it.loaded } })
            client.shutdown()
        }
        System.exit(0)
    }

    private suspend fun kind(call: suspend () -> Unit): String = try {
        call()
        "none"
    } catch (failure: SupportException) {
        failure.kind.name
    }

    private fun threads(): Set<String> = Thread.getAllStackTraces().keys.map { it.name }.toSet()

    private fun milliseconds(nanoseconds: Long) = nanoseconds / 1e6
}
