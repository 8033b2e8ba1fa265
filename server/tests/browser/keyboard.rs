//! For who has no mouse.

use fantoccini::key::Key;

use crate::page::{Page, password};
use crate::two_friends;
use crate::world::World;

impl Page {
    /// Goes on with the Tab key until the focus is where something of this name is.
    async fn tab_to(&self, name: &str) {
        for _ in 0..40 {
            self.tab().await;
            if self.name_and_role(&self.focused().await).await.0 == name {
                return;
            }
        }
        panic!("the Tab key does not reach {name}");
    }
}

#[tokio::test]
async fn everything_can_be_done_with_the_keyboard_alone() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.assert_tab_reaches_every_control().await;
    alice.click("#logout").await;
    // The focus is where one goes on.
    alice.until("document.activeElement.id === 'name'").await;
    alice.assert_tab_reaches_every_control().await;

    alice.run("document.querySelector('#name').focus()").await;
    alice.press("alice").await;
    alice.tab().await;
    alice.press(&password("alice")).await;
    alice.press(&Key::Enter.to_string()).await;
    alice.until_inside("alice").await;
    alice.until("document.activeElement.id === 'you-title'").await;
    bob.until_friend_is("Available").await;
    alice.tab_to("Available").await;
    // Two to the right of "Available" is "Away".
    alice.press(&Key::Right.to_string()).await;
    alice.press(&Key::Right.to_string()).await;
    bob.until_friend_is("Away").await;
    alice.tab_to("Status").await;
    alice.press("typed").await;
    alice.press(&Key::Enter.to_string()).await;
    bob.until_words("typed").await;
    alice.tab_to("Invisible to friends").await;
    alice.press(" ").await;
    bob.until_friend_is_gone().await;
    alice.press(" ").await;
    bob.until_friend_is("Away").await;

    alice.tab_to("More about bob").await;
    alice.press(&Key::Enter.to_string()).await;
    alice.tab_to("Block bob").await;
    alice.press(&Key::Escape.to_string()).await;
    alice.until("document.activeElement.tagName === 'SUMMARY'").await;
    alice.press(&Key::Enter.to_string()).await;
    alice.tab_to("Block bob").await;
    alice.press(&Key::Enter.to_string()).await;
    // From what was done to what undoes it, or does it now.
    alice.until("document.activeElement.textContent === 'Undo'").await;
    alice.tab().await;
    alice.press(&Key::Enter.to_string()).await;
    alice.until_text("#blocked .name", "bob").await;
    // The row is gone; the focus stays nearby instead of falling to the page's top.
    alice.until("document.activeElement.id === 'friends-title'").await;
    alice.tab_to("Add a friend").await;
    // To ask somebody lifts the block.
    alice.press("bob").await;
    alice.press(&Key::Enter.to_string()).await;
    alice.until_text("#asked-said", "Asked bob.").await;
    alice.until("document.querySelector('#blocked').childElementCount === 0").await;
    bob.until_text("#requests .name", "alice").await;
    bob.run("document.querySelector('#friends-title').focus()").await;
    bob.tab_to("Accept alice").await;
    bob.press(&Key::Enter.to_string()).await;
    alice.until_text("#online .name", "bob").await;
    bob.until_text("#online .name", "alice").await;

    // Into a room and out of it, each time with the focus where one goes on.
    alice.tab_to("Join lobby").await;
    alice.press(&Key::Enter.to_string()).await;
    alice.until("document.activeElement.matches('.in-room input')").await;
    alice.press("hello").await;
    alice.press(&Key::Enter.to_string()).await;
    alice.until_text("#rooms .said", "hello").await;
}
