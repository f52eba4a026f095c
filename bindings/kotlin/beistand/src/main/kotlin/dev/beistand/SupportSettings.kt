// What a server announces to an app: categories, custom fields, limits.

package dev.beistand

/**
 * What the server last announced.
 *
 * @property categories what a conversation may be filed under.
 * @property fields the custom fields of a conversation.
 * @property limits what the server accepts.
 * @property features names of optional parts that the server offers.
 * @property announced whether a server has said so; `false`: these are the defaults.
 */
public data class SupportSettings(
    public val categories: List<Category>,
    public val fields: List<FieldDefinition>,
    public val limits: Limits,
    public val features: List<String>,
    public val announced: Boolean,
)

/**
 * One category.
 *
 * @property id its stable name, for [TicketDraft.category].
 * @property label what a person reads, by language tag.
 */
public data class Category(public val id: String, public val label: Map<String, String>)

/** What a custom field holds. */
public enum class FieldKind {
    /** Free text. */
    Text,

    /** A finite number. */
    Number,

    /** One of its choices. */
    Choice,

    /** A day, `YYYY-MM-DD`. */
    Date,

    /** Yes or no. */
    Bool,
}

/**
 * A custom field.
 *
 * @property key its stable name, for [TicketDraft.fields].
 * @property kind what it holds.
 * @property label what a person reads, by language tag.
 * @property required whether a conversation cannot be opened without it.
 * @property choices the values of a choice.
 * @property maxChars the characters of a text, if fewer than [Limits.fieldChars].
 */
public data class FieldDefinition(
    public val key: String,
    public val kind: FieldKind,
    public val label: Map<String, String>,
    public val required: Boolean,
    public val choices: List<String>,
    public val maxChars: Int?,
)

/** The value of a custom field. */
public sealed interface FieldValue {
    /**
     * For a field of kind text, choice or date (`YYYY-MM-DD`).
     *
     * @property value the text.
     */
    public data class Text(public val value: String) : FieldValue

    /**
     * For a field of kind number.
     *
     * @property value a finite number.
     */
    public data class Number(public val value: Double) : FieldValue

    /**
     * For a field of kind bool.
     *
     * @property value yes or no.
     */
    public data class Bool(public val value: Boolean) : FieldValue
}

/**
 * What the server accepts. Characters are Unicode scalar values.
 *
 * @property textChars characters of a message.
 * @property subjectChars characters of a subject.
 * @property fieldChars characters of a custom field.
 * @property fields custom fields of a conversation.
 * @property attachments files of a message.
 * @property attachmentBytes bytes of a file.
 * @property imagePixels pixels of a photo.
 */
public data class Limits(
    public val textChars: Int = 10_000,
    public val subjectChars: Int = 200,
    public val fieldChars: Int = 1_000,
    public val fields: Int = 50,
    public val attachments: Int = 10,
    public val attachmentBytes: Long = 100_000_000,
    public val imagePixels: Long = 250_000_000,
)
