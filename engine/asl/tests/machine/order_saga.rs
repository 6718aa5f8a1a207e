//! The order saga, the three ways it goes.

use expect_test::expect;

use crate::script::check;

const SAGA: &str = "order-saga.asl.json";

#[test]
fn an_order_is_confirmed() {
    let script = r#"
        start {"orderId":"o-1"}
        +1s
        complete ReserveInventory {"orderId":"o-1","reservationId":"res_1"}
        +1s
        complete ProcessPayment {"orderId":"o-1","paymentId":"pay_1"}
        complete ConfirmOrder {"orderId":"o-1","confirmed":true}
        complete SendConfirmation {"orderId":"o-1"}
    "#;
    check(
        SAGA,
        script,
        expect![[r#"
        0s 1 ExecutionStarted {"orderId":"o-1"}
        0s 2 TaskStateEntered ←0 ReserveInventory {"orderId":"o-1"}
        0s 3 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:reserve-inventory {"orderId":"o-1"}
        0s 4 LambdaFunctionStarted
          > dispatch 3 to reserve-inventory, try 1: {"orderId":"o-1"}
        1s 5 LambdaFunctionSucceeded {"orderId":"o-1","reservationId":"res_1"}
        1s 6 TaskStateExited ReserveInventory {"orderId":"o-1","reservationId":"res_1"}
        1s 7 TaskStateEntered ProcessPayment {"orderId":"o-1","reservationId":"res_1"}
        1s 8 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:process-payment {"orderId":"o-1","reservationId":"res_1"}
        1s 9 LambdaFunctionStarted
          > dispatch 8 to process-payment, try 1: {"orderId":"o-1","reservationId":"res_1"}
        2s 10 LambdaFunctionSucceeded {"orderId":"o-1","paymentId":"pay_1"}
        2s 11 TaskStateExited ProcessPayment {"orderId":"o-1","paymentId":"pay_1"}
        2s 12 TaskStateEntered ConfirmOrder {"orderId":"o-1","paymentId":"pay_1"}
        2s 13 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:confirm-order {"orderId":"o-1","paymentId":"pay_1"}
        2s 14 LambdaFunctionStarted
          > dispatch 13 to confirm-order, try 1: {"orderId":"o-1","paymentId":"pay_1"}
        2s 15 LambdaFunctionSucceeded {"orderId":"o-1","confirmed":true}
        2s 16 TaskStateExited ConfirmOrder {"orderId":"o-1","confirmed":true}
        2s 17 TaskStateEntered SendConfirmation {"orderId":"o-1","confirmed":true}
        2s 18 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:send-confirmation {"orderId":"o-1","confirmed":true}
        2s 19 LambdaFunctionStarted
          > dispatch 18 to send-confirmation, try 1: {"orderId":"o-1","confirmed":true}
        2s 20 LambdaFunctionSucceeded {"orderId":"o-1"}
        2s 21 TaskStateExited SendConfirmation {"orderId":"o-1"}
        2s 22 ExecutionSucceeded {"orderId":"o-1"}
        SUCCEEDED {"orderId":"o-1"}
    "#]],
    );
}

#[test]
fn a_declined_payment_releases_the_inventory() {
    let script = r#"
        start {"orderId":"o-2"}
        complete ReserveInventory {"orderId":"o-2","reservationId":"res_2"}
        fail ProcessPayment PaymentFailed declined
        complete ReleaseInventory {"released":"res_2"}
        complete CancelOrder {}
        complete NotifyPaymentFailed {"told":true}
    "#;
    check(
        SAGA,
        script,
        expect![[r#"
        0s 1 ExecutionStarted {"orderId":"o-2"}
        0s 2 TaskStateEntered ←0 ReserveInventory {"orderId":"o-2"}
        0s 3 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:reserve-inventory {"orderId":"o-2"}
        0s 4 LambdaFunctionStarted
          > dispatch 3 to reserve-inventory, try 1: {"orderId":"o-2"}
        0s 5 LambdaFunctionSucceeded {"orderId":"o-2","reservationId":"res_2"}
        0s 6 TaskStateExited ReserveInventory {"orderId":"o-2","reservationId":"res_2"}
        0s 7 TaskStateEntered ProcessPayment {"orderId":"o-2","reservationId":"res_2"}
        0s 8 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:process-payment {"orderId":"o-2","reservationId":"res_2"}
        0s 9 LambdaFunctionStarted
          > dispatch 8 to process-payment, try 1: {"orderId":"o-2","reservationId":"res_2"}
        0s 10 LambdaFunctionFailed PaymentFailed declined
        0s 11 TaskStateExited ProcessPayment {"Error":"PaymentFailed","Cause":"declined"}
        0s 12 TaskStateEntered ReleaseInventory {"Error":"PaymentFailed","Cause":"declined"}
        0s 13 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:release-inventory {"Error":"PaymentFailed","Cause":"declined"}
        0s 14 LambdaFunctionStarted
          > dispatch 13 to release-inventory, try 1: {"Error":"PaymentFailed","Cause":"declined"}
        0s 15 LambdaFunctionSucceeded {"released":"res_2"}
        0s 16 TaskStateExited ReleaseInventory {"released":"res_2"}
        0s 17 TaskStateEntered CancelOrder {"released":"res_2"}
        0s 18 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:cancel-order {"released":"res_2"}
        0s 19 LambdaFunctionStarted
          > dispatch 18 to cancel-order, try 1: {"released":"res_2"}
        0s 20 LambdaFunctionSucceeded {}
        0s 21 TaskStateExited CancelOrder {}
        0s 22 TaskStateEntered NotifyPaymentFailed {}
        0s 23 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:notify-failure {}
        0s 24 LambdaFunctionStarted
          > dispatch 23 to notify-failure, try 1: {}
        0s 25 LambdaFunctionSucceeded {"told":true}
        0s 26 TaskStateExited NotifyPaymentFailed {"told":true}
        0s 27 ExecutionSucceeded {"told":true}
        SUCCEEDED {"told":true}
    "#]],
    );
}

#[test]
fn an_empty_shelf_ends_the_order_early() {
    let script = r#"
        start {"orderId":"o-3"}
        fail ReserveInventory InsufficientInventory none left
        complete NotifyOutOfStock {"told":true}
    "#;
    check(
        SAGA,
        script,
        expect![[r#"
        0s 1 ExecutionStarted {"orderId":"o-3"}
        0s 2 TaskStateEntered ←0 ReserveInventory {"orderId":"o-3"}
        0s 3 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:reserve-inventory {"orderId":"o-3"}
        0s 4 LambdaFunctionStarted
          > dispatch 3 to reserve-inventory, try 1: {"orderId":"o-3"}
        0s 5 LambdaFunctionFailed InsufficientInventory none left
        0s 6 TaskStateExited ReserveInventory {"Error":"InsufficientInventory","Cause":"none left"}
        0s 7 TaskStateEntered NotifyOutOfStock {"Error":"InsufficientInventory","Cause":"none left"}
        0s 8 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:notify-out-of-stock {"Error":"InsufficientInventory","Cause":"none left"}
        0s 9 LambdaFunctionStarted
          > dispatch 8 to notify-out-of-stock, try 1: {"Error":"InsufficientInventory","Cause":"none left"}
        0s 10 LambdaFunctionSucceeded {"told":true}
        0s 11 TaskStateExited NotifyOutOfStock {"told":true}
        0s 12 ExecutionSucceeded {"told":true}
        SUCCEEDED {"told":true}
    "#]],
    );
}

#[test]
fn an_error_nobody_catches_fails_the_order() {
    let script = r#"
        start {"orderId":"o-4"}
        complete ReserveInventory {}
        fail ProcessPayment GatewayDown
    "#;
    check(
        SAGA,
        script,
        expect![[r#"
        0s 1 ExecutionStarted {"orderId":"o-4"}
        0s 2 TaskStateEntered ←0 ReserveInventory {"orderId":"o-4"}
        0s 3 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:reserve-inventory {"orderId":"o-4"}
        0s 4 LambdaFunctionStarted
          > dispatch 3 to reserve-inventory, try 1: {"orderId":"o-4"}
        0s 5 LambdaFunctionSucceeded {}
        0s 6 TaskStateExited ReserveInventory {}
        0s 7 TaskStateEntered ProcessPayment {}
        0s 8 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:process-payment {}
        0s 9 LambdaFunctionStarted
          > dispatch 8 to process-payment, try 1: {}
        0s 10 LambdaFunctionFailed GatewayDown
        0s 11 ExecutionFailed GatewayDown
        FAILED GatewayDown
    "#]],
    );
}

#[test]
fn a_restart_between_any_two_steps_changes_nothing() {
    let script = r#"
        start {"orderId":"o-5"}
        restart
        complete ReserveInventory {"reservationId":"res_5"}
        restart
        fail ProcessPayment PaymentFailed declined
        restart
        complete ReleaseInventory
        complete CancelOrder
        restart
        complete NotifyPaymentFailed {"told":true}
    "#;
    check(
        SAGA,
        script,
        expect![[r#"
        0s 1 ExecutionStarted {"orderId":"o-5"}
        0s 2 TaskStateEntered ←0 ReserveInventory {"orderId":"o-5"}
        0s 3 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:reserve-inventory {"orderId":"o-5"}
        0s 4 LambdaFunctionStarted
          > dispatch 3 to reserve-inventory, try 1: {"orderId":"o-5"}
        restart
          > dispatch 3 to reserve-inventory, try 1: {"orderId":"o-5"}
        0s 5 LambdaFunctionSucceeded {"reservationId":"res_5"}
        0s 6 TaskStateExited ReserveInventory {"reservationId":"res_5"}
        0s 7 TaskStateEntered ProcessPayment {"reservationId":"res_5"}
        0s 8 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:process-payment {"reservationId":"res_5"}
        0s 9 LambdaFunctionStarted
          > dispatch 8 to process-payment, try 1: {"reservationId":"res_5"}
        restart
          > dispatch 8 to process-payment, try 1: {"reservationId":"res_5"}
        0s 10 LambdaFunctionFailed PaymentFailed declined
        0s 11 TaskStateExited ProcessPayment {"Error":"PaymentFailed","Cause":"declined"}
        0s 12 TaskStateEntered ReleaseInventory {"Error":"PaymentFailed","Cause":"declined"}
        0s 13 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:release-inventory {"Error":"PaymentFailed","Cause":"declined"}
        0s 14 LambdaFunctionStarted
          > dispatch 13 to release-inventory, try 1: {"Error":"PaymentFailed","Cause":"declined"}
        restart
          > dispatch 13 to release-inventory, try 1: {"Error":"PaymentFailed","Cause":"declined"}
        0s 15 LambdaFunctionSucceeded {}
        0s 16 TaskStateExited ReleaseInventory {}
        0s 17 TaskStateEntered CancelOrder {}
        0s 18 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:cancel-order {}
        0s 19 LambdaFunctionStarted
          > dispatch 18 to cancel-order, try 1: {}
        0s 20 LambdaFunctionSucceeded {}
        0s 21 TaskStateExited CancelOrder {}
        0s 22 TaskStateEntered NotifyPaymentFailed {}
        0s 23 LambdaFunctionScheduled resource=arn:aws:lambda:region:account:function:notify-failure {}
        0s 24 LambdaFunctionStarted
          > dispatch 23 to notify-failure, try 1: {}
        restart
          > dispatch 23 to notify-failure, try 1: {}
        0s 25 LambdaFunctionSucceeded {"told":true}
        0s 26 TaskStateExited NotifyPaymentFailed {"told":true}
        0s 27 ExecutionSucceeded {"told":true}
        SUCCEEDED {"told":true}
    "#]],
    );
}
