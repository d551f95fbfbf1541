/// Which gates the exchange has a place at.
struct HeldPlaces {
    var route = false
    var upstream = false

    var isHeld: Bool { route || upstream }
}
