//! Datagrams of one host, under every fault.

use std::time::Duration;

use super::*;
use crate::net::UdpSocket;
use crate::time::timeout;

/// Sends to a socket that takes its time, and to nobody.
pub(super) async fn exercise() -> std::io::Result<()> {
    let receiver = UdpSocket::bind("127.0.0.1:0").await?;
    let sender = UdpSocket::bind("127.0.0.1:0").await?;
    sender.connect(receiver.local_addr()?).await?;
    for number in 0..400_u32 {
        let _sent = sender.send(number.to_le_bytes().to_vec()).await;
    }
    while let Ok(got) = timeout(Duration::from_millis(30), receiver.recv(vec![0; 4])).await {
        let _number = got.into_result()?;
        let _given_up = timeout(Duration::from_nanos(1), receiver.recv(vec![0; 4])).await;
    }
    let gone = receiver.local_addr()?;
    receiver.close().await?;
    for _ in 0..3 {
        sender.send_to("x", gone).await.into_result()?;
        let _refused = timeout(Duration::from_millis(30), sender.recv(vec![0; 4])).await;
    }
    Ok(())
}

#[test]
fn a_socket_holds_what_its_buffer_has_room_for() {
    let (got, report) = run(1, Faults::none(), async {
        let receiver = UdpSocket::bind("127.0.0.1:0").await?;
        let address = receiver.local_addr()?;
        for number in 0..400_u32 {
            receiver.send_to(number.to_le_bytes().to_vec(), address).await.into_result()?;
        }
        let mut got = 0;
        let wait = Duration::from_secs(1);
        while let Ok(next) = timeout(wait, receiver.recv(vec![0; 4])).await {
            let (_, buf) = next.into_result()?;
            assert_eq!(buf, u32::to_le_bytes(got));
            got += 1;
        }
        std::io::Result::Ok(got)
    });
    let got = got.unwrap();
    assert!((200..400).contains(&got), "{got}");
    assert_eq!(report.violations, Vec::<String>::new());
}
