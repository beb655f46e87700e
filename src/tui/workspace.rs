//! Workspaces: which panes stand together, for whom, and where on a wide screen.
//!
//! One row of [`WORKSPACES`] each. A pane whose capability a person lacks is left out, a workspace without any
//! pane left is not shown; nothing here knows a role. Wide screens get the grid, others one pane at a time.

use ratatui::layout::Rect;

use crate::domain::Capability;
use crate::service::view::Screen;

use super::panes::PaneId;

/// Least columns and rows of a body that shows a grid.
pub const GRID_MIN: (u16, u16) = (100, 20);

/// How the body is divided; numbers are weights.
#[derive(Debug, Clone, Copy)]
pub enum Split {
    /// One pane.
    Pane(PaneId),
    /// Side by side.
    Columns(&'static [(u16, Split)]),
    /// One above the other.
    Rows(&'static [(u16, Split)]),
}

/// One workspace.
#[derive(Debug, Clone, Copy)]
pub struct WorkspaceDef {
    /// Name, as on the command line.
    pub name: &'static str,
    /// Title.
    pub title: &'static str,
    /// The same in fewer letters, for a narrow row.
    pub short: &'static str,
    /// Second key after `g`.
    pub key: char,
    /// What a person must be able to do to be shown it.
    pub needs: Capability,
    /// It is left out for those who have richer ones: who can do this.
    pub unless: Option<Capability>,
    /// Its grid.
    pub grid: Split,
}

use Split::{Columns, Pane, Rows};

/// All workspaces, in the order of their numbers.
pub const WORKSPACES: &[WorkspaceDef] = &[
    WorkspaceDef {
        name: "home",
        title: "Home",
        short: "Home",
        key: 'h',
        needs: Capability::ViewInsights,
        unless: Some(Capability::ViewSignals),
        grid: Columns(&[
            (
                11,
                Rows(&[(8, Pane(PaneId::Summary)), (12, Pane(PaneId::Chart)), (9, Pane(PaneId::Positions))]),
            ),
            (9, Rows(&[(14, Pane(PaneId::Insights)), (15, Pane(PaneId::Watchlist))])),
        ]),
    },
    WorkspaceDef {
        name: "desk",
        title: "Desk",
        short: "Desk",
        key: 'd',
        needs: Capability::TradeDesk,
        unless: None,
        grid: Rows(&[
            (
                20,
                Columns(&[
                    (42, Pane(PaneId::Watchlist)),
                    (48, Pane(PaneId::Chart)),
                    (30, Pane(PaneId::Quote)),
                ]),
            ),
            (11, Columns(&[(1, Pane(PaneId::Positions)), (1, Pane(PaneId::Orders))])),
        ]),
    },
    WorkspaceDef {
        name: "signals",
        title: "Signals",
        short: "Signals",
        key: 's',
        needs: Capability::ViewSignals,
        unless: None,
        grid: Columns(&[
            (6, Pane(PaneId::Signals)),
            (4, Rows(&[(1, Pane(PaneId::Explain)), (1, Pane(PaneId::Chart))])),
        ]),
    },
    WorkspaceDef {
        name: "orders",
        title: "Orders",
        short: "Orders",
        key: 'o',
        needs: Capability::ViewLimits,
        unless: None,
        grid: Rows(&[(3, Pane(PaneId::Orders)), (2, Pane(PaneId::History))]),
    },
    WorkspaceDef {
        name: "portfolio",
        title: "Portfolio",
        short: "Portf",
        key: 'p',
        needs: Capability::ViewPortfolio,
        unless: None,
        grid: Columns(&[
            (13, Rows(&[(3, Pane(PaneId::Positions)), (2, Pane(PaneId::History))])),
            (7, Rows(&[(1, Pane(PaneId::Summary)), (1, Pane(PaneId::Allocation))])),
        ]),
    },
    WorkspaceDef {
        name: "risk",
        title: "Risk",
        short: "Risk",
        key: 'r',
        needs: Capability::ViewLimits,
        unless: None,
        grid: Columns(&[
            (
                12,
                Rows(&[
                    (17, Pane(PaneId::Limits)),
                    (9, Pane(PaneId::Breaches)),
                    (7, Pane(PaneId::Differences)),
                ]),
            ),
            (
                8,
                Rows(&[(14, Pane(PaneId::Exposure)), (10, Pane(PaneId::Versions)), (6, Pane(PaneId::Halts))]),
            ),
        ]),
    },
    WorkspaceDef {
        name: "research",
        title: "Research",
        short: "Research",
        key: 'f',
        needs: Capability::ViewSignals,
        unless: None,
        grid: Rows(&[
            (12, Columns(&[(62, Pane(PaneId::Expression)), (58, Pane(PaneId::Factors))])),
            (
                20,
                Columns(&[
                    (38, Pane(PaneId::Values)),
                    (46, Pane(PaneId::Chart)),
                    (36, Pane(PaneId::Evidence)),
                ]),
            ),
        ]),
    },
    WorkspaceDef {
        name: "history",
        title: "History",
        short: "History",
        key: 't',
        needs: Capability::ViewPortfolio,
        unless: Some(Capability::ViewSignals),
        grid: Rows(&[(3, Pane(PaneId::History)), (2, Pane(PaneId::Orders))]),
    },
    WorkspaceDef {
        name: "insights",
        title: "Insights",
        short: "Insights",
        key: 'i',
        needs: Capability::ViewInsights,
        unless: Some(Capability::ViewSignals),
        grid: Columns(&[(1, Pane(PaneId::Insights)), (1, Pane(PaneId::News))]),
    },
    WorkspaceDef {
        name: "news",
        title: "News",
        short: "News",
        key: 'n',
        needs: Capability::ViewSignals,
        unless: None,
        grid: Columns(&[
            (3, Pane(PaneId::News)),
            (2, Rows(&[(1, Pane(PaneId::Insights)), (1, Pane(PaneId::Chart))])),
        ]),
    },
    WorkspaceDef {
        name: "simulate",
        title: "Simulate",
        short: "Sim",
        key: 'm',
        needs: Capability::Simulate,
        // Who runs the home has more than ten others; accounts and the clock have keys of their own everywhere.
        unless: Some(Capability::Administer),
        grid: Rows(&[
            (8, Columns(&[(1, Pane(PaneId::Simulation)), (1, Pane(PaneId::Summary))])),
            (12, Columns(&[(5, Pane(PaneId::Watchlist)), (6, Pane(PaneId::Chart))])),
            (9, Columns(&[(1, Pane(PaneId::Positions)), (1, Pane(PaneId::Orders))])),
        ]),
    },
    WorkspaceDef {
        name: "data",
        title: "Data",
        short: "Data",
        key: 'a',
        needs: Capability::ManageData,
        unless: None,
        grid: Rows(&[
            (8, Pane(PaneId::Vendors)),
            (14, Columns(&[(80, Pane(PaneId::Sources)), (40, Pane(PaneId::Sync))])),
            (9, Pane(PaneId::SetAside)),
        ]),
    },
    WorkspaceDef {
        name: "system",
        title: "System",
        short: "System",
        key: 'y',
        needs: Capability::Administer,
        unless: None,
        grid: Rows(&[
            (2, Columns(&[(1, Pane(PaneId::Health)), (1, Pane(PaneId::Users))])),
            (3, Pane(PaneId::Log)),
        ]),
    },
    WorkspaceDef {
        name: "settings",
        title: "Settings",
        short: "Set",
        key: 'e',
        needs: Capability::ViewMarket,
        unless: None,
        grid: Columns(&[(11, Pane(PaneId::Settings)), (12, Pane(PaneId::Notices))]),
    },
];

/// A workspace as one person has it.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its row.
    pub def: &'static WorkspaceDef,
    /// Its panes in reading order, those the person may see.
    pub panes: Vec<PaneId>,
}

/// The workspaces a person has.
pub fn workspaces_of(screen: &Screen) -> Vec<Workspace> {
    let shown = |def: &&WorkspaceDef| screen.may(def.needs) && !def.unless.is_some_and(|c| screen.may(c));
    let with_panes = |def: &'static WorkspaceDef| Workspace { def, panes: panes_of(def.grid, screen) };
    WORKSPACES.iter().filter(shown).map(with_panes).filter(|w| !w.panes.is_empty()).collect()
}

fn panes_of(split: Split, screen: &Screen) -> Vec<PaneId> {
    match split {
        Pane(id) if screen.may(id.def().capability) => vec![id],
        Pane(_) => Vec::new(),
        Columns(parts) | Rows(parts) => parts.iter().flat_map(|(_, part)| panes_of(*part, screen)).collect(),
    }
}

/// Where each pane stands in `area`; panes that are not among `shown` leave their place to the others.
pub fn place(split: Split, shown: &[PaneId], area: Rect) -> Vec<(PaneId, Rect)> {
    let mut out = Vec::new();
    place_into(split, shown, area, &mut out);
    out
}

fn any_shown(split: Split, shown: &[PaneId]) -> bool {
    match split {
        Pane(id) => shown.contains(&id),
        Columns(parts) | Rows(parts) => parts.iter().any(|(_, part)| any_shown(*part, shown)),
    }
}

fn place_into(split: Split, shown: &[PaneId], area: Rect, out: &mut Vec<(PaneId, Rect)>) {
    let (parts, across) = match split {
        Pane(id) => {
            if shown.contains(&id) {
                out.push((id, area));
            }
            return;
        }
        Columns(parts) => (parts, true),
        Rows(parts) => (parts, false),
    };
    let live: Vec<(u16, Split)> = parts.iter().filter(|(_, part)| any_shown(*part, shown)).copied().collect();
    let total: u32 = live.iter().map(|(weight, _)| u32::from(*weight)).sum();
    let length = u32::from(if across { area.width } else { area.height });
    let (mut weight_before, mut start) = (0_u32, 0_u16);
    for (weight, part) in live {
        weight_before += u32::from(weight);
        let end = u16::try_from(length * weight_before / total.max(1)).unwrap_or(u16::MAX);
        let rect = if across {
            Rect { x: area.x + start, width: end - start, ..area }
        } else {
            Rect { y: area.y + start, height: end - start, ..area }
        };
        place_into(part, shown, rect, out);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use crate::domain::Role;
    use crate::tui::testing::screen_of;

    use super::*;

    #[test]
    fn every_role_has_its_default_workspace_and_at_most_ten() {
        for role in Role::ALL {
            let mine = workspaces_of(&screen_of(role));
            assert!(mine.len() <= 10, "{role} has {}", mine.len());
            assert!(mine.iter().any(|w| w.def.name == role.default_workspace()), "{role}");
        }
    }

    #[test]
    fn nobody_is_shown_a_pane_they_may_not_see() {
        for role in Role::ALL {
            let screen = screen_of(role);
            for workspace in workspaces_of(&screen) {
                for pane in workspace.panes {
                    assert!(screen.may(pane.def().capability), "{role} {pane:?}");
                }
            }
        }
    }

    #[test]
    fn names_and_keys_differ() {
        let names: BTreeSet<&str> = WORKSPACES.iter().map(|w| w.name).collect();
        let keys: BTreeSet<char> = WORKSPACES.iter().map(|w| w.key).collect();
        assert_eq!((names.len(), keys.len()), (WORKSPACES.len(), WORKSPACES.len()));
    }

    proptest! {
        #[test]
        fn panes_never_overlap_and_fill_the_body(width in 1_u16..220, height in 1_u16..70, which in 0..WORKSPACES.len()) {
            let def = &WORKSPACES[which];
            let area = Rect { x: 3, y: 2, width, height };
            let screen = screen_of(Role::Admin);
            let placed = place(def.grid, &panes_of(def.grid, &screen), area);
            let cells: u32 = placed.iter().map(|(_, r)| r.area()).sum();
            prop_assert_eq!(cells, area.area());
            for (i, (_, a)) in placed.iter().enumerate() {
                prop_assert_eq!(a.intersection(area), *a);
                for (_, b) in placed.iter().skip(i + 1) {
                    prop_assert!(a.intersection(*b).is_empty());
                }
            }
        }
    }
}
