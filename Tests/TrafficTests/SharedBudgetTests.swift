import Testing
import Traffic

@Suite("Shared budgets")
struct SharedBudgetTests {
    @Test("no more are allowed than the limit, and what is given back is there again")
    func limit() {
        let budget = SharedBudget(limit: 2)
        #expect(budget.take() && budget.hasRoom && budget.take())
        #expect(!budget.hasRoom && !budget.take())
        #expect(budget.count == 2)
        budget.giveBack()
        #expect(budget.hasRoom && budget.take())
        budget.setLimit(1)
        budget.giveBack()
        #expect(!budget.hasRoom && !budget.take())
    }

    @Test("after somebody has looked in vain, one is wanted back, once")
    func starvation() {
        let budget = SharedBudget(limit: 1)
        #expect(!budget.isStarved && !budget.wantsBack())
        budget.noteStarvation()
        budget.noteStarvation()
        #expect(budget.isStarved && budget.wantsBack())
        #expect(!budget.isStarved && !budget.wantsBack())
    }
}
