// The official fake: a client without a server, a network, a native library or real time, and everything that a test wants
// to decide about those. It does what the real client does; the scenarios of the project hold both to it.

package dev.beistand.testing

import dev.beistand.AttachmentSource
import dev.beistand.Limits
import dev.beistand.SupportClient
import dev.beistand.SupportSettings
import java.time.Instant

/**
 * Support without anything around it, for tests of an app.
 *
 * Nothing happens by itself: commands, the agent and the network act at once, in the thread that calls; what takes time
 * happens when [clock] is moved. Commands that wait up to a limit (`flush`, `awaitSent`, `logout(SendFirst)`) move it
 * themselves, as far as they need.
 *
 * @param articles the FAQ.
 * @param settings what the server announces.
 * @param locale the person's language.
 * @param start when the clock begins.
 * @param outboxItems writes that may wait.
 */
public class FakeSupport(
    articles: List<FakeArticle> = emptyList(),
    settings: SupportSettings = SupportSettings(emptyList(), emptyList(), Limits(), emptyList(), announced = true),
    locale: String = "en",
    start: Instant = Instant.parse("2026-01-05T09:00:00Z"),
    outboxItems: Int = 2_000,
) {
    private val world = World(start, settings, articles, locale, outboxItems)

    /** What the app is given instead of the real client. */
    public val client: SupportClient = FakeClient(world)

    /** Who answers. */
    public val agent: ScriptedAgent = ScriptedAgent(world)

    /** What lies between the phone and the server. */
    public val network: FakeNetwork = FakeNetwork(world)

    /** What time it is. */
    public val clock: VirtualClock = VirtualClock(world)

    /** Who may log in. */
    public val users: FakeUsers = FakeUsers(world)

    /** What the server has, to look at. */
    public val server: FakeServer = FakeServer(world)
}

/**
 * An article of the fake's FAQ.
 *
 * @property id what editors call it.
 * @property title the question.
 * @property text the answer: paragraphs, divided by empty lines.
 * @property collection where it stands.
 * @property locale its language.
 */
public data class FakeArticle(
    public val id: String,
    public val title: String,
    public val text: String,
    public val collection: String? = null,
    public val locale: String = "en",
)

/**
 * A message as the fake's server has it.
 *
 * @property id its id.
 * @property fromPerson whether the person wrote it, and not an agent.
 * @property text its words; `null` if it was taken back.
 * @property attachments the names of its files.
 */
public data class ServerMessage(
    public val id: String,
    public val fromPerson: Boolean,
    public val text: String?,
    public val attachments: List<String> = emptyList(),
)

/** What kind of token [FakeUsers.token] makes. */
public enum class TokenKind {
    /** The server accepts it. */
    Good,

    /** It has expired. */
    Expired,

    /** The server refuses it. */
    Refused,

    /** It is not valid yet. */
    Early,
}

/** Makes a source of a few words, for tests that only need some file. */
public fun fakeFile(name: String = "file.txt", content: String = "content of $name"): AttachmentSource =
    AttachmentSource.bytes(content.encodeToByteArray(), name)
