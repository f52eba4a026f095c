// The scenarios of the project against the fake. The real library runs the same ones.

package dev.beistand.testing

import dev.beistand.ConversationId
import dev.beistand.scenarios.Scenario
import dev.beistand.scenarios.Stage
import kotlinx.coroutines.test.runTest
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import java.nio.file.Path
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds

class FakeScenarioTest {
    @TestFactory
    fun `the fake does what the scenarios tell`(): List<DynamicTest> {
        val all = Scenario.all(Path.of(System.getProperty("beistand.scenarios")))
        assertTrue(all.size >= MINIMUM, "only ${all.size} scenarios were found")
        return all.map { scenario -> DynamicTest.dynamicTest(scenario.name) { runTest { scenario.run(FakeStage()) } } }
    }

    private companion object {
        const val MINIMUM = 17
    }
}

private class FakeStage : Stage {
    private val fake = FakeSupport()
    override val client = fake.client

    override suspend fun wait(round: Int): Boolean {
        fake.clock.advance(100.milliseconds)
        return round < 100
    }

    override suspend fun perform(step: String, arguments: JsonElement): JsonObject {
        when (step) {
            "agent_replies" -> fake.agent.sends(arguments.conversation("to"), arguments.jsonObject.getValue("text").jsonPrimitive.content)
            "agent_types" -> fake.agent.types(arguments.conversation("in"), arguments.jsonObject.getValue("typing").jsonPrimitive.boolean)
            "agent_reads" -> fake.agent.reads(arguments.conversation("of"))
            "agent_closes" -> fake.agent.closes(arguments.conversation("of"))
            "fill" -> repeat(arguments.jsonObject.getValue("messages").jsonPrimitive.int) {
                fake.agent.sends(arguments.conversation("of"), "Line ${it + 1}")
            }
            "network" -> network(arguments)
            "articles" -> fake.server.publish(
                arguments.jsonObject.getValue("docs").jsonArray.map { it.jsonObject }.map { doc ->
                    fun of(name: String) = doc.getValue(name).jsonPrimitive.content
                    FakeArticle(of("id"), of("title"), of("body"))
                },
            )
            "token" -> {
                val kind = arguments.jsonObject.getValue("kind").jsonPrimitive.content
                val token = fake.users.token(
                    arguments.jsonObject.getValue("user").jsonPrimitive.content,
                    TokenKind.values().first { it.name.lowercase() == kind },
                )
                return JsonObject(mapOf("token" to JsonPrimitive(token)))
            }
            "server_messages" -> return JsonObject(
                mapOf(
                    "messages" to JsonArray(
                        fake.server.messages(arguments.conversation("of")).map {
                            JsonObject(mapOf("text" to (it.text?.let(::JsonPrimitive) ?: JsonNull)))
                        },
                    ),
                ),
            )
            else -> error("the fake's stage does not know $step")
        }
        return JsonObject(emptyMap())
    }

    private fun network(arguments: JsonElement) {
        if (arguments is JsonPrimitive) {
            when (arguments.content) {
                "online" -> fake.network.online()
                "offline" -> fake.network.offline()
                "lose_next_answer" -> fake.network.loseNextAnswer()
                else -> error("no such network")
            }
            return
        }
        val (name, value) = arguments.jsonObject.entries.single()
        when (name) {
            "slow_ms" -> fake.network.slow(value.jsonPrimitive.long.milliseconds)
            "fail_next" -> fake.network.failNext(
                value.jsonObject.getValue("times").jsonPrimitive.int,
                value.jsonObject.getValue("status").jsonPrimitive.int,
            )
            else -> error("no such network")
        }
    }

    private fun JsonElement.conversation(member: String) = ConversationId(jsonObject.getValue(member).jsonPrimitive.content)
}
