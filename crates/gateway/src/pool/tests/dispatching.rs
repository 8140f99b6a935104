//! Who gets a request, and who waits.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::super::dispatch::{Asked, Dispatch, Outcome};
use super::super::member::MemberId;
use super::super::report::{MemberState, Wanted};
use super::super::settings::{Balance, CheckSettings, MemberSettings, PoolSettings, Stickiness};
use super::super::stick_table::StickKey;

const TOOK: Duration = Duration::from_millis(1);

fn named(name: &str) -> MemberSettings {
    MemberSettings {
        name: name.to_owned(),
        ..super::member("http://192.0.2.1:80")
    }
}

fn settings(members: Vec<MemberSettings>) -> PoolSettings {
    PoolSettings::new("pool", members)
}

fn dispatch(settings: &PoolSettings) -> Dispatch<&'static str> {
    Dispatch::new(settings, Instant::now())
}

/// Asks; the name of the member, or what else came of it.
fn ask(dispatch: &mut Dispatch<&'static str>, key: Option<&StickKey>) -> String {
    match dispatch.ask(key, &[], Instant::now(), || "waiter") {
        Asked::At(member) => member.name.to_string(),
        other => format!("{other:?}"),
    }
}

fn id(dispatch: &Dispatch<&'static str>, name: &str) -> MemberId {
    let slot = dispatch
        .slots
        .iter()
        .find(|slot| *slot.member.name == *name);
    slot.unwrap().member.id
}

fn release(dispatch: &mut Dispatch<&'static str>, name: &str) -> Vec<String> {
    let id = id(dispatch, name);
    dispatch.release(id);
    let granted = dispatch.grant(Instant::now());
    granted
        .into_iter()
        .map(|(waiter, member)| format!("{waiter} at {}", member.name))
        .collect()
}

fn learn(dispatch: &mut Dispatch<&'static str>, name: &str, outcome: Outcome) {
    let id = id(dispatch, name);
    dispatch.learn(id, outcome, Instant::now());
}

fn check(dispatch: &mut Dispatch<&'static str>, name: &str, passes: bool) {
    let id = id(dispatch, name);
    let found = passes.then_some(()).ok_or_else(|| "refused".to_owned());
    dispatch.checked(id, found, TOOK, TOOK, Instant::now());
}

fn client(number: u8) -> StickKey {
    StickKey::Address(IpAddr::from([192, 0, 2, number]))
}

fn sticky(members: Vec<MemberSettings>) -> PoolSettings {
    PoolSettings {
        stickiness: Some(Stickiness::default()),
        ..settings(members)
    }
}

#[tokio::test(start_paused = true)]
async fn requests_go_round_by_weight_and_evenly() {
    let heavy = MemberSettings {
        weight: 3,
        ..named("heavy")
    };
    let mut dispatch = dispatch(&settings(vec![heavy, named("light")]));
    let order: Vec<String> = (0..8).map(|_| ask(&mut dispatch, None)).collect();
    assert_eq!(
        order,
        [
            "heavy", "heavy", "light", "heavy", "heavy", "heavy", "light", "heavy"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_has_fewest_requests_for_its_weight_gets_the_next() {
    let heavy = MemberSettings {
        weight: 2,
        ..named("heavy")
    };
    let mut dispatch = dispatch(&PoolSettings {
        balance: Balance::LeastConnections,
        ..settings(vec![heavy, named("light")])
    });
    let mut order: Vec<String> = (0..3).map(|_| ask(&mut dispatch, None)).collect();
    order.sort();
    assert_eq!(order, ["heavy", "heavy", "light"]);
    release(&mut dispatch, "light");
    assert_eq!(ask(&mut dispatch, None), "light");
    release(&mut dispatch, "heavy");
    assert_eq!(ask(&mut dispatch, None), "heavy");
}

#[tokio::test(start_paused = true)]
async fn a_backup_serves_only_when_nobody_else_can() {
    let backup = MemberSettings {
        is_backup: true,
        ..named("backup")
    };
    let mut dispatch = dispatch(&PoolSettings {
        check: Some(CheckSettings::default()),
        ..settings(vec![named("own"), backup])
    });
    assert_eq!(ask(&mut dispatch, None), "own");
    check(&mut dispatch, "own", false);
    assert_eq!(ask(&mut dispatch, None), "backup");
    check(&mut dispatch, "own", true);
    assert_eq!(ask(&mut dispatch, None), "own");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_refuses_is_asked_last() {
    let mut dispatch = dispatch(&PoolSettings {
        check: Some(CheckSettings::default()),
        ..settings(vec![named("one"), named("other")])
    });
    ask(&mut dispatch, None);
    learn(&mut dispatch, "one", Outcome::Refused("refused".to_owned()));
    for _ in 0..5 {
        assert_eq!(ask(&mut dispatch, None), "other");
    }
    let due = dispatch.due(Instant::now());
    assert!(
        due.iter().any(|member| *member.name == *"one"),
        "it is checked at once"
    );
    learn(
        &mut dispatch,
        "other",
        Outcome::Refused("refused".to_owned()),
    );
    assert!(["one", "other"].contains(&ask(&mut dispatch, None).as_str()));
    for name in ["one", "other"] {
        for _ in 0..3 {
            check(&mut dispatch, name, false);
        }
    }
    assert_eq!(ask(&mut dispatch, None), "Nobody");
}

#[tokio::test(start_paused = true)]
async fn people_stay_where_they_were() {
    let mut dispatch = dispatch(&sticky(vec![named("one"), named("other")]));
    let first = ask(&mut dispatch, Some(&client(1)));
    assert_ne!(ask(&mut dispatch, Some(&client(2))), first);
    for _ in 0..5 {
        ask(&mut dispatch, None);
        assert_eq!(ask(&mut dispatch, Some(&client(1))), first);
    }
    advance(Stickiness::default().expire).await;
    let seen: Vec<String> = (0..2)
        .map(|_| {
            dispatch.tidy(Instant::now());
            ask(&mut dispatch, Some(&client(3)))
        })
        .collect();
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(start_paused = true)]
async fn a_draining_member_keeps_its_people_and_gets_nobody_new() {
    let mut dispatch = dispatch(&sticky(vec![named("one"), named("other")]));
    let place = ask(&mut dispatch, Some(&client(1)));
    assert!(dispatch.set(&place, Wanted::Drain));
    for number in 2..6 {
        assert_ne!(ask(&mut dispatch, Some(&client(number))), place);
    }
    assert_eq!(ask(&mut dispatch, Some(&client(1))), place);
    dispatch.set(&place, Wanted::Maintenance);
    assert_ne!(ask(&mut dispatch, Some(&client(1))), place);
    assert!(!dispatch.set("nobody", Wanted::Drain));
}

#[tokio::test(start_paused = true)]
async fn people_move_when_their_member_goes_down() {
    let mut dispatch = dispatch(&sticky(vec![named("one"), named("other")]));
    let place = ask(&mut dispatch, Some(&client(1)));
    learn(
        &mut dispatch,
        &place,
        Outcome::Refused("refused".to_owned()),
    );
    let new = ask(&mut dispatch, Some(&client(1)));
    assert_ne!(new, place);
    advance(Duration::from_secs(5)).await;
    assert_eq!(
        ask(&mut dispatch, Some(&client(1))),
        new,
        "they do not move back"
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_goes_in_order_and_no_more_wait_than_may() {
    let one = MemberSettings {
        connections: Some(1),
        ..named("one")
    };
    let mut dispatch = dispatch(&PoolSettings {
        queue: 2,
        ..settings(vec![one])
    });
    let now = Instant::now();
    assert_eq!(ask(&mut dispatch, None), "one");
    assert!(matches!(
        dispatch.ask(None, &[], now, || "first"),
        Asked::Waits(0)
    ));
    assert!(matches!(
        dispatch.ask(None, &[], now, || "second"),
        Asked::Waits(1)
    ));
    assert!(matches!(
        dispatch.ask(None, &[], now, || "third"),
        Asked::Full
    ));
    assert_eq!(dispatch.turned_away, 1);
    assert_eq!(release(&mut dispatch, "one"), ["first at one"]);
    assert!(dispatch.leave_queue(1));
    assert!(!dispatch.leave_queue(1));
    assert_eq!(release(&mut dispatch, "one"), Vec::<String>::new());
    assert_eq!((dispatch.current, dispatch.queued()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pool_has_a_limit_over_all_members() {
    let mut dispatch = dispatch(&PoolSettings {
        connections: Some(1),
        ..settings(vec![named("one"), named("other")])
    });
    assert_eq!(ask(&mut dispatch, None), "one");
    assert_eq!(ask(&mut dispatch, None), "Waits(0)");
    assert_eq!(release(&mut dispatch, "one"), ["waiter at other"]);
}

#[tokio::test(start_paused = true)]
async fn people_wait_for_their_own_member_and_hold_up_nobody() {
    let narrow = |name| MemberSettings {
        connections: Some(1),
        ..named(name)
    };
    let mut dispatch = dispatch(&sticky(vec![narrow("one"), narrow("other")]));
    let place = ask(&mut dispatch, Some(&client(1)));
    let elsewhere = ask(&mut dispatch, Some(&client(2)));
    let now = Instant::now();
    assert!(matches!(
        dispatch.ask(Some(&client(1)), &[], now, || "keeper"),
        Asked::Waits(_)
    ));
    assert!(matches!(
        dispatch.ask(None, &[], now, || "anybody"),
        Asked::Waits(_)
    ));
    assert_eq!(
        release(&mut dispatch, &elsewhere),
        [format!("anybody at {elsewhere}")]
    );
    assert_eq!(
        release(&mut dispatch, &place),
        [format!("keeper at {place}")]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_up_takes_those_who_wait() {
    let checked = |members| PoolSettings {
        check: Some(CheckSettings::default()),
        ..settings(members)
    };
    let one = MemberSettings {
        connections: Some(1),
        ..named("one")
    };
    let mut dispatch = dispatch(&checked(vec![one, named("other")]));
    for _ in 0..3 {
        check(&mut dispatch, "other", false);
    }
    assert_eq!(ask(&mut dispatch, None), "one");
    assert_eq!(ask(&mut dispatch, None), "Waits(0)");
    check(&mut dispatch, "other", true);
    let granted = dispatch.grant(Instant::now());
    assert_eq!(&*granted[0].1.name, "other");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_stays_keeps_its_health_and_its_requests() {
    let mut dispatch = dispatch(&settings(vec![named("one"), named("other")]));
    assert_eq!(ask(&mut dispatch, None), "one");
    learn(&mut dispatch, "one", Outcome::Answered);
    let before = id(&dispatch, "one");
    let elsewhere = MemberSettings {
        name: "other".to_owned(),
        ..super::member("http://192.0.2.2:80")
    };
    let heavier = MemberSettings {
        weight: 5,
        ..named("one")
    };
    dispatch.adopt(&settings(vec![elsewhere, heavier]), Instant::now());
    assert_eq!(id(&dispatch, "one"), before);
    let one = dispatch
        .slots
        .iter()
        .find(|slot| *slot.member.name == *"one")
        .unwrap();
    assert_eq!(
        (one.current, one.weight, one.state()),
        (1, 5, MemberState::Up)
    );
    assert_eq!(
        dispatch.slots.len(),
        2,
        "who left with nothing to do is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_leave_serve_until_one_of_the_new_has_shown_that_it_works() {
    let checked = |members| PoolSettings {
        check: Some(CheckSettings::default()),
        ..settings(members)
    };
    let mut dispatch = dispatch(&checked(vec![named("old")]));
    check(&mut dispatch, "old", true);
    dispatch.adopt(&checked(vec![named("new")]), Instant::now());
    assert_eq!(
        ask(&mut dispatch, None),
        "new",
        "it may be good, and is tried first"
    );
    learn(&mut dispatch, "new", Outcome::Refused("refused".to_owned()));
    assert_eq!(ask(&mut dispatch, None), "old");
    check(&mut dispatch, "new", true);
    assert_eq!(ask(&mut dispatch, None), "new");
    learn(&mut dispatch, "new", Outcome::Refused("refused".to_owned()));
    assert_eq!(
        ask(&mut dispatch, None),
        "new",
        "who has left is not asked again"
    );
    assert_eq!(release(&mut dispatch, "old"), Vec::<String>::new());
    assert!(
        dispatch
            .slots
            .iter()
            .all(|slot| *slot.member.name == *"new")
    );
}

#[tokio::test(start_paused = true)]
async fn checks_come_as_often_as_they_should() {
    let mut dispatch = dispatch(&PoolSettings {
        check: Some(CheckSettings::default()),
        ..settings(vec![named("one")])
    });
    assert_eq!(dispatch.due(Instant::now()).len(), 1);
    assert_eq!(dispatch.due(Instant::now()).len(), 0, "one at a time");
    let (one, pause) = (id(&dispatch, "one"), Duration::from_secs(2));
    dispatch.checked(one, Ok(()), TOOK, pause, Instant::now());
    assert_eq!(dispatch.next_due(), Some(Instant::now() + pause));
    assert_eq!(dispatch.due(Instant::now()).len(), 0);
    advance(pause).await;
    assert_eq!(dispatch.due(Instant::now()).len(), 1);
    dispatch.checked(one, Ok(()), TOOK, pause, Instant::now());
    dispatch.set("one", Wanted::Maintenance);
    advance(pause).await;
    assert_eq!(
        dispatch.due(Instant::now()).len(),
        0,
        "nobody disturbs the maintenance"
    );
}
