//! Datagrams between hosts: what the network does to them, and only when it is told to.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::UdpSocket;
use annulus::sim::{Faults, World};
use annulus::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const COUNT: u32 = 300;

/// What has come, in its order.
type Log = Rc<RefCell<Vec<u32>>>;

async fn listen(log: Log) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:9").await?;
    loop {
        let (len, buf) = socket.recv(vec![0; 16]).await.into_result()?;
        assert_eq!(len, 4);
        log.borrow_mut().push(u32::from_le_bytes(buf[..4].try_into().unwrap()));
    }
}

/// Sends numbers, one each millisecond.
async fn count() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect("server:9").await?;
    for number in 0..COUNT {
        socket.send(number.to_le_bytes().to_vec()).await.into_result()?;
        sleep(Duration::from_millis(1)).await;
    }
    sleep(SECOND).await;
    Ok(())
}

/// What arrives of the numbers of a client.
fn arrivals(seed: u64, prepare: impl FnOnce(&mut World)) -> Vec<u32> {
    let mut world = World::new(seed);
    let log = Log::default();
    let server = Rc::clone(&log);
    world.host("server", move || listen(server.clone()));
    world.client("client", count);
    prepare(&mut world);
    world.run();
    log.borrow().clone()
}

#[test]
fn where_nothing_goes_wrong_every_datagram_arrives_once_and_in_order() {
    // A link's jitter is shorter than the pauses between them.
    assert_eq!(arrivals(1, |_| {}), (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn lost_datagrams_do_not_come_and_the_others_do() {
    let arrived = arrivals(2, |world| world.faults(Faults::none().with("lost-datagrams", 300)));
    assert!((100..290).contains(&arrived.len()), "{} of {COUNT}", arrived.len());
    assert!(arrived.is_sorted_by(|one, other| one < other));
}

#[test]
fn doubled_datagrams_come_twice() {
    let arrived = arrivals(3, |world| world.faults(Faults::none().with("doubled-datagrams", 200)));
    let twice = |number| arrived.iter().filter(|seen| **seen == number).count();
    assert!((0..COUNT).all(|number| matches!(twice(number), 1 | 2)));
    assert!((COUNT as usize + 10..COUNT as usize + 150).contains(&arrived.len()));
}

#[test]
fn late_datagrams_come_behind_those_that_were_sent_after_them() {
    let arrived = arrivals(4, |world| world.faults(Faults::none().with("late-datagrams", 300)));
    assert!(!arrived.is_sorted(), "{arrived:?}");
    let mut sorted = arrived;
    sorted.sort_unstable();
    assert_eq!(sorted, (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn a_cut_link_loses_datagrams_and_holds_none_back() {
    let arrived = arrivals(5, |world| {
        world.run_for(Duration::from_millis(100));
        world.partition("client", "server");
        world.run_for(Duration::from_millis(100));
        world.heal("client", "server");
    });
    let missing = COUNT as usize - arrived.len();
    assert!((80..120).contains(&missing), "{missing} are lost");
    assert!(arrived.is_sorted() && arrived.contains(&0) && arrived.contains(&(COUNT - 1)));
}

#[test]
fn a_host_that_is_down_answers_nothing_and_one_that_is_back_refuses() {
    let mut world = World::new(6);
    // The second life of the server does not listen.
    let lives = Rc::new(std::cell::Cell::new(0));
    world.host("server", move || {
        lives.set(lives.get() + 1);
        let life = lives.get();
        async move {
            match life {
                1 => listen(Log::default()).await,
                _ => {
                    sleep(SECOND * 1000).await;
                    Ok(())
                }
            }
        }
    });
    world.client("client", || async {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.connect("server:9").await?;
        let ask = async || {
            let answer = timeout(SECOND / 2, socket.recv(vec![0; 9]));
            socket.send("anybody?").await.into_result()?;
            io::Result::Ok(answer.await.map(|got| got.0.map_err(|error| error.kind())).ok())
        };
        sleep(SECOND * 5).await;
        assert_eq!(ask().await?, None, "the host is down");
        sleep(SECOND * 10).await;
        assert_eq!(ask().await?, Some(Err(ErrorKind::ConnectionRefused)));
        io::Result::Ok(())
    });
    world.run_for(SECOND);
    world.crash("server");
    world.run_for(SECOND * 9);
    world.restart("server");
    world.run();
}

#[test]
fn a_group_is_heard_on_every_host_that_has_joined_it() {
    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
    let mut world = World::new(7);
    let heard = Log::default();
    for (number, joins) in [true, true, false].into_iter().enumerate() {
        let heard = Rc::clone(&heard);
        world.host(&format!("host {number}"), move || {
            let heard = Rc::clone(&heard);
            async move {
                let socket = UdpSocket::bind("0.0.0.0:9").await?;
                if joins {
                    socket.join_multicast_v4(&GROUP, &Ipv4Addr::UNSPECIFIED)?;
                }
                let (len, _) = socket.recv(vec![0; 9]).await.into_result()?;
                heard.borrow_mut().push(number as u32 * 100 + len as u32);
                io::Result::Ok(())
            }
        });
    }
    world.client("sender", || async {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        sleep(SECOND).await;
        socket.send_to("to all", (GROUP, 9)).await.into_result()?;
        sleep(SECOND).await;
        io::Result::Ok(())
    });
    world.run();
    let mut heard = heard.borrow().clone();
    heard.sort_unstable();
    assert_eq!(heard, [6, 106]);
}

#[test]
fn the_same_seed_does_the_same_to_datagrams() {
    let hash = |seed| {
        let mut world = World::new(seed);
        world.host("server", || listen(Log::default()));
        world.client("client", count);
        let faults = Faults::none().with("lost-datagrams", 100).with("doubled-datagrams", 100);
        world.faults(faults.with("late-datagrams", 100));
        world.run().trace_hash
    };
    assert_eq!(hash(8), hash(8));
    assert_ne!(hash(8), hash(9));
}
