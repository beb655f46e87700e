//! Stable codes for everything that is refused. One table: code, text, nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! refusal_codes {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        /// Why something was refused. The code is a promise to scripts; the text is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum RefusalCode {
            $(
                #[doc = $text]
                #[serde(rename = $code)]
                $name,
            )*
        }

        impl RefusalCode {
            /// All codes.
            pub const ALL: &'static [RefusalCode] = &[$(RefusalCode::$name),*];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $(RefusalCode::$name => $code,)* }
            }

            /// One plain sentence without a full stop.
            pub const fn text(self) -> &'static str {
                match self { $(RefusalCode::$name => $text,)* }
            }
        }
    };
}

refusal_codes! {
    UnknownAccount = "UNKNOWN_ACCOUNT", "the account does not exist";
    UnknownOrder = "UNKNOWN_ORDER", "the order does not exist";
    DuplicateClientOrderId = "DUPLICATE_CLIENT_ORDER_ID", "the order id was used before with other content";
    ReservedName = "RESERVED_NAME", "the strategy external, and order ids that begin with external: or flatten-, are kept for orders that the program itself makes: choose another name";
    InstrumentNotFound = "INSTRUMENT_NOT_FOUND", "the instrument is not known";
    InstrumentNotTradable = "INSTRUMENT_NOT_TRADABLE", "the account does not trade on this exchange or in this currency";
    NotPermittedRole = "NOT_PERMITTED_ROLE", "the role does not allow it";
    QuantityZero = "QUANTITY_ZERO", "the quantity is zero";
    MissingPrice = "MISSING_PRICE", "this order type needs a limit price";
    MissingTriggerPrice = "MISSING_TRIGGER_PRICE", "this order type needs a trigger price";
    TrailingOffsetInvalid = "TRAILING_OFFSET_INVALID", "a trailing stop needs a distance above zero, and of a sale below the price";
    FieldNotOfType = "FIELD_NOT_OF_TYPE", "this order type or time in force has no such price, distance or end: leave it out";
    MissingExpireTime = "MISSING_EXPIRE_TIME", "a good-till-date order needs the moment at which it ends";
    ExpireTimeInPast = "EXPIRE_TIME_IN_PAST", "the moment at which the order ends is not ahead";
    UnsupportedTimeInForce = "UNSUPPORTED_TIME_IN_FORCE", "this order type cannot work for that time";
    UnsupportedOrderClass = "UNSUPPORTED_ORDER_CLASS", "the orders of a group must be of one instrument, at a venue that takes groups";
    StopInMarket = "STOP_IN_MARKET", "the market has passed the trigger already: give a market order";
    QuantityBelowMinimum = "QUANTITY_BELOW_MINIMUM", "the order quantity is below its minimum";
    NotionalBelowMinimum = "NOTIONAL_BELOW_MINIMUM", "the order value is below its minimum";
    OrderListIncomplete = "ORDER_LIST_INCOMPLETE", "the list lacks the other orders that this one is tied to";
    OrderListDenied = "ORDER_LIST_DENIED", "another order of its bracket was refused, and none of it stands";
    TooLateToEnter = "TOO_LATE_TO_ENTER", "it is too late for this auction";
    PostOnlyWouldTake = "POST_ONLY_WOULD_TAKE", "a post-only order may not take what the market offers";
    ReduceOnlyWouldIncrease = "REDUCE_ONLY_WOULD_INCREASE", "there is no position to reduce";
    UnknownLot = "UNKNOWN_LOT", "the account has no such open lot to close, or does not close lots by name";
    ContingentAlreadyClosed = "CONTINGENT_ALREADY_CLOSED", "the orders it belongs to are already done";
    ParentRejected = "PARENT_REJECTED", "its parent order was refused";
    WaitsForParent = "WAITS_FOR_PARENT", "waits for its parent's first fill";
    ParentFilledMore = "PARENT_FILLED_MORE", "its parent filled more: all that it may fill by now is judged again";
    AlreadyPending = "ALREADY_PENDING", "an earlier wish about this order is still on its way to the broker";
    AmendBelowCum = "AMEND_BELOW_CUM", "the venue changes no order to what is filled already: cancel the rest";
    AmendFieldImmutable = "AMEND_FIELD_IMMUTABLE", "this order has no such price to change";
    InvalidPriceIncrement = "INVALID_PRICE_INCREMENT", "the price is not on the instrument's tick";
    InvalidQuantityIncrement = "INVALID_QUANTITY_INCREMENT", "the quantity is not a multiple of the lot";
    NotionalOutOfRange = "NOTIONAL_OUT_OF_RANGE", "the order is worth more than can be counted exactly";
    UnsupportedOrderType = "UNSUPPORTED_ORDER_TYPE", "this order type is not offered";
    MarketHalted = "MARKET_HALTED", "the symbol is halted";
    NoMarketData = "NO_MARKET_DATA", "no price is known for the symbol";
    ReferencePriceUnavailable = "REFERENCE_PRICE_UNAVAILABLE", "no reference price is known";
    StaleMarketData = "STALE_MARKET_DATA", "the last quote is too old";
    TradingHalted = "TRADING_HALTED", "trading is halted";
    TradingReduceOnly = "TRADING_REDUCE_ONLY", "only orders that reduce a position are taken";
    RestrictedList = "RESTRICTED_LIST", "the symbol is on the restricted list";
    NotAllowed = "NOT_ALLOWED", "the symbol is not on the list of those that may be traded";
    MaxOrderQty = "MAX_ORDER_QTY", "the order quantity is above its limit";
    MaxOrderNotional = "MAX_ORDER_NOTIONAL", "the order value is above its limit";
    PriceCollar = "PRICE_COLLAR", "the price is too far from the reference price";
    ShortSaleRestricted = "SHORT_SALE_RESTRICTED", "the account holds less than it would sell";
    HardToBorrow = "HARD_TO_BORROW", "the instrument cannot be sold short";
    InsufficientCash = "INSUFFICIENT_CASH", "the account has too little cash, open orders included";
    ExceedsShortableQuantity = "EXCEEDS_SHORTABLE_QUANTITY", "fewer shares can be borrowed than would be sold short";
    UnsettledFunds = "UNSETTLED_FUNDS", "it would be paid with proceeds that are not settled yet";
    InsufficientBuyingPower = "INSUFFICIENT_BUYING_POWER", "equity does not cover the margin, open orders included";
    CashNegative = "CASH_NEGATIVE", "the account's cash is negative; no buys until that is cured";
    MarginCall = "MARGIN_CALL", "equity is below what the positions require; only reducing orders until that is cured";
    MarginWarning = "MARGIN_WARNING", "equity is little above what the positions require";
    MaxPosition = "MAX_POSITION", "the position would be above its limit";
    GrossExposure = "GROSS_EXPOSURE", "gross exposure would be above its limit";
    NetExposure = "NET_EXPOSURE", "net exposure would be above its limit";
    LeverageLimit = "LEVERAGE_LIMIT", "leverage would be above its limit";
    SectorLimit = "SECTOR_LIMIT", "the sector would be too large a share of equity";
    CurrencyExposure = "CURRENCY_EXPOSURE", "too much would be held in one currency";
    DaysToLiquidate = "DAYS_TO_LIQUIDATE", "the position would take too long to sell";
    AdvParticipation = "ADV_PARTICIPATION", "the order is too large a share of the average daily volume";
    BetaLimit = "BETA_LIMIT", "exposure to the market would be above its limit";
    VarLimit = "VAR_LIMIT", "the possible loss of one day would be above its limit";
    DuplicateOrderWindow = "DUPLICATE_ORDER_WINDOW", "the same order was given a moment ago";
    SelfTrade = "SELF_TRADE", "it would trade with an own open order";
    MaxOpenOrders = "MAX_OPEN_ORDERS", "too many open orders";
    CancelLimit = "CANCEL_LIMIT", "too many cancels today";
    OrderToTrade = "ORDER_TO_TRADE", "too many orders, changes and cancels for the fills of today";
    RepeatedExecution = "REPEATED_EXECUTION", "the strategy filled so often that a person must look first";
    PositionLoss = "POSITION_LOSS", "the position has lost too much to be added to";
    LossCooldown = "LOSS_COOLDOWN", "the account lost a moment ago";
    DayTradeLimit = "DAY_TRADE_LIMIT", "too many day trades in five sessions for the account's equity";
    ConsecutiveLosses = "CONSECUTIVE_LOSSES", "too many losses in a row";
    StopCount = "STOP_COUNT", "too many stops were hit in five sessions";
    LowProfit = "LOW_PROFIT", "the name has lost too much in five sessions to be added to";
    RejectRate = "REJECT_RATE", "too many orders of the last minute were refused";
    FatFill = "FAT_FILL", "it filled too far from the reference price";
    FactMissing = "FACT_MISSING", "a figure that a limit needs is not known";
    LimitUtilisation = "LIMIT_UTILISATION", "a limit is used up to a warning level";
    PassiveBreach = "PASSIVE_BREACH", "a limit was passed without an order, by a price or a change";
    Concentration = "CONCENTRATION", "the position would be too large a share of equity";
    RateLimit = "RATE_LIMIT", "too many orders or changes in a minute";
    DailyLossLimit = "DAILY_LOSS_LIMIT", "the daily loss limit is used up";
    DrawdownLimit = "DRAWDOWN_LIMIT", "equity fell too far from its highest; that stands until a person lifts it, also after a recovery";
    StaticDrawdownLimit = "STATIC_DRAWDOWN_LIMIT", "equity fell too far below the capital that was put in; that stands until a person lifts it, also after a recovery";
    ApprovalRequired = "APPROVAL_REQUIRED", "a second person must approve it";
    ApprovalExpired = "APPROVAL_EXPIRED", "nobody approved it in time";
    WaitsForSells = "WAITS_FOR_SELLS", "waits until the list's sells have paid for it";
    TooLateToCancel = "TOO_LATE_TO_CANCEL", "the order is already done";
    StaleOrder = "STALE_ORDER", "the order was given under a login that no longer holds";
    MarketClosed = "MARKET_CLOSED", "the venue takes such an order only while its session is open";
    WaitsForCancels = "WAITS_FOR_CANCELS", "waits until the broker has answered for every other order of the name";
    WatchedHere = "WATCHED_HERE", "watched here and sent once the market touches its trigger";
    NoBroker = "NO_BROKER", "no broker of this account takes such an order";
    BrokerOffline = "BROKER_OFFLINE", "the broker cannot be reached";
    Reconciling = "RECONCILING", "the account is being compared with its broker; only cancels and reducing orders are taken";
    ReconciliationBreak = "RECONCILIATION_BREAK", "the broker's account differs from this one and a person must look";
    SubmitTimeoutUnknown = "SUBMIT_TIMEOUT_UNKNOWN", "the broker never confirmed the order and does not know it";
    VenueReject = "VENUE_REJECT", "the venue refused the order";
    LateFill = "LATE_FILL", "the venue filled an order that had ended here";
    Refused = "REFUSED", "the order is larger than this account may place";
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
