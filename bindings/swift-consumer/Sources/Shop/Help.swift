import Beistand

// The help screen of a shop, without the screen: what it does is in one place, and takes any client.

/// Asks the desk about a parcel, and gives what is shown once the desk has answered.
public func askAboutParcel(_ support: any SupportClient, text: String) async throws -> [String] {
    let ticket = try await support.conversations.open(TicketDraft(subject: "Parcel", text: text))
    for await timeline in ticket.timeline where timeline.messages.contains(where: { $0.author != .person }) {
        return timeline.messages.compactMap(\.text)
    }
    return []
}

/// The shop's client.
public func makeSupport(server: String, appKey: String, folder: String) throws -> any SupportClient {
    try Beistand(BeistandConfig(server: server, appKey: appKey, folder: folder))
}
