// What an article consists of: typed blocks and spans, which each screen draws with its own means. Nesting is bounded.

package dev.beistand

/** A block of an article. Later versions may add some: let a `when` have an `else`. */
public sealed interface Block {
    /**
     * A heading.
     *
     * @property level 1 (largest) to 6.
     * @property spans its words.
     */
    public data class Heading(public val level: Int, public val spans: List<Span>) : Block

    /**
     * A paragraph.
     *
     * @property spans its words.
     */
    public data class Paragraph(public val spans: List<Span>) : Block

    /**
     * A list.
     *
     * @property start the number of the first item; `null` for bullets.
     * @property items the items.
     */
    public data class Listing(public val start: Long?, public val items: List<List<Block>>) : Block

    /**
     * A quotation.
     *
     * @property blocks what is quoted.
     */
    public data class Quote(public val blocks: List<Block>) : Block

    /**
     * Text in which every character counts.
     *
     * @property language what its author named.
     * @property text the text, without the last line break.
     */
    public data class Code(public val language: String?, public val text: String) : Block

    /**
     * A table; each row has as many cells as the header.
     *
     * @property alignments how each column is aligned.
     * @property header the cells of the header.
     * @property rows the rows.
     */
    public data class Table(
        public val alignments: List<Alignment>,
        public val header: List<List<Span>>,
        public val rows: List<List<List<Span>>>,
    ) : Block

    /**
     * A picture in a line of its own.
     *
     * @property picture the picture.
     */
    public data class Image(public val picture: Picture) : Block

    /** A line across. */
    public data object Rule : Block
}

/** How a column is aligned. */
public enum class Alignment {
    /** As the platform does it. */
    Natural,

    /** At the left. */
    Left,

    /** In the middle. */
    Center,

    /** At the right. */
    Right,
}

/** A piece of a line. Later versions may add some: let a `when` have an `else`. */
public sealed interface Span {
    /**
     * Words.
     *
     * @property text the words.
     */
    public data class Text(public val text: String) : Span

    /**
     * Emphasis, usually italic.
     *
     * @property spans what is emphasised.
     */
    public data class Emphasis(public val spans: List<Span>) : Span

    /**
     * Strong emphasis, usually bold.
     *
     * @property spans what is emphasised.
     */
    public data class Strong(public val spans: List<Span>) : Span

    /**
     * Struck through.
     *
     * @property spans what is struck.
     */
    public data class Strike(public val spans: List<Span>) : Span

    /**
     * A few characters of code.
     *
     * @property text the characters.
     */
    public data class Code(public val text: String) : Span

    /**
     * A link.
     *
     * @property target where it leads.
     * @property spans what is tapped.
     */
    public data class Link(public val target: Target, public val spans: List<Span>) : Span

    /** A new line in the same paragraph. */
    public data object Break : Span

    /**
     * A picture among words.
     *
     * @property picture the picture.
     */
    public data class Image(public val picture: Picture) : Span
}

/** Where a link leads. */
public sealed interface Target {
    /**
     * To another article.
     *
     * @property id which one.
     */
    public data class Article(public val id: ArticleId) : Target

    /**
     * To a place in the app.
     *
     * @property url a URL that begins with `beistand:`.
     */
    public data class App(public val url: String) : Target

    /**
     * Out of the app.
     *
     * @property url a URL of `https`, `http`, `mailto` or `tel`.
     */
    public data class Web(public val url: String) : Target
}

/**
 * A picture of an article.
 *
 * @property alt what it shows, in words.
 * @property sha256 names its bytes, for [Faq.image].
 * @property width pixels across; 0 if unknown.
 * @property height pixels down; 0 if unknown.
 */
public data class Picture(
    public val alt: String,
    public val sha256: String,
    public val width: Int,
    public val height: Int,
)
