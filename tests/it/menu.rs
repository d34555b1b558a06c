//! The menu of operations: asked when it opens.

use anyhow::{Context, Result, bail, ensure};
use protocol::{MenuEntry, Reply, Request};
use serde_json::json;

use crate::session_fixture::{SessionFixture, ask};

/// What the menu of a node says.
pub fn menu(fixture: &SessionFixture, node: u32) -> Result<Vec<MenuEntry>> {
    let request = Request::Menu {
        request_id: 5,
        node,
    };
    match ask(&fixture.session, request)?.0 {
        Reply::Menu {
            request_id: 5,
            entries,
        } => Ok(entries),
        other => bail!("{other:?}"),
    }
}

/// Why an operation does not fit a node.
pub fn why_not(fixture: &SessionFixture, node: u32, operation: &str) -> Result<Option<String>> {
    let entries = menu(fixture, node)?.into_iter();
    let mut entries = entries.filter(|entry| entry.operation == operation);
    Ok(entries.next().context("not in the menu")?.reason)
}

#[test]
fn it_has_every_operation_in_its_order_and_says_which_do_not_fit() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let image = fixture.add(scan, "virtual_disk", json!({}))?;
    let names: Vec<&str> = (ops::registry().iter())
        .map(|entry| entry.info().name)
        .collect();
    for node in [scan, image] {
        let entries = menu(&fixture, node)?;
        ensure!(
            entries
                .iter()
                .map(|entry| &*entry.operation)
                .eq(names.iter().copied())
        );
    }
    ensure!(why_not(&fixture, scan, "virtual_disk")?.is_none());
    let reason = why_not(&fixture, image, "virtual_disk")?.context("it fits")?;
    ensure!(reason.contains("the signal has maps"), "{reason}");
    Ok(())
}

#[test]
fn of_a_node_that_is_gone_it_is_refused() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let request = Request::Menu {
        request_id: 6,
        node: 77,
    };
    match ask(&fixture.session, request)?.0 {
        Reply::Refused {
            request_id: 6,
            error,
        } => ensure!(error.message.contains("77"), "{error}"),
        other => bail!("{other:?}"),
    }
    Ok(())
}
