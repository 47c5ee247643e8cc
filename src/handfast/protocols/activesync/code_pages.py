"""The WBXML tag tables: each page's names in token order from 0x05, "-" where a token is not assigned.

Source: MS-ASWBXML 2.1.2.1; tokens of protocol version 2.5, which the document has since dropped, from the same
document's first editions. Cross-checked token by token against libwbxml.
"""

from __future__ import annotations

FIRST_TOKEN = 0x05
LAST_TOKEN = 0x3F

_NAMES_BY_PAGE = {
    (0, "AirSync"): """
        Sync Responses Add Change Delete Fetch SyncKey ClientId ServerId Status Collection
        Class Version CollectionId GetChanges MoreAvailable WindowSize Commands Options
        FilterType Truncation RTFTruncation Conflict Collections ApplicationData DeletesAsMoves
        NotifyGUID Supported SoftDelete MIMESupport MIMETruncation Wait Limit Partial
        ConversationMode MaxItems HeartbeatInterval""",
    (2, "Email"): """
        Attachment Attachments AttName AttSize Att0Id AttMethod AttRemoved Body BodySize BodyTruncated
        DateReceived DisplayName DisplayTo Importance MessageClass Subject Read To Cc From ReplyTo
        AllDayEvent Categories Category DtStamp EndTime InstanceType BusyStatus Location MeetingRequest
        Organizer RecurrenceId Reminder ResponseRequested Recurrences Recurrence Recurrence_Type
        Recurrence_Until Recurrence_Occurrences Recurrence_Interval Recurrence_DayOfWeek
        Recurrence_DayOfMonth Recurrence_WeekOfMonth Recurrence_MonthOfYear StartTime Sensitivity TimeZone
        GlobalObjId ThreadTopic MIMEData MIMETruncated MIMESize InternetCPID Flag FlagStatus ContentClass
        FlagType CompleteTime DisallowNewTimeProposal""",
    (6, "GetItemEstimate"): """
        GetItemEstimate Version Collections Collection Class CollectionId DateTime Estimate Response Status""",
    (7, "FolderHierarchy"): """
        Folders Folder DisplayName ServerId ParentId Type Response Status ContentClass Changes Add Delete
        Update SyncKey FolderCreate FolderDelete FolderUpdate FolderSync Count Version""",
    (13, "Ping"): """
        Ping AutdState Status HeartbeatInterval Folders Folder Id Class MaxFolders""",
    (14, "Provision"): """
        Provision Policies Policy PolicyType PolicyKey Data Status RemoteWipe EASProvisionDoc
        DevicePasswordEnabled AlphanumericDevicePasswordRequired RequireStorageCardEncryption
        PasswordRecoveryEnabled - AttachmentsEnabled MinDevicePasswordLength MaxInactivityTimeDeviceLock
        MaxDevicePasswordFailedAttempts MaxAttachmentSize AllowSimpleDevicePassword
        DevicePasswordExpiration DevicePasswordHistory AllowStorageCard AllowCamera RequireDeviceEncryption
        AllowUnsignedApplications AllowUnsignedInstallationPackages MinDevicePasswordComplexCharacters
        AllowWiFi AllowTextMessaging AllowPOPIMAPEmail AllowBluetooth AllowIrDA
        RequireManualSyncWhenRoaming AllowDesktopSync MaxCalendarAgeFilter AllowHTMLEmail MaxEmailAgeFilter
        MaxEmailBodyTruncationSize MaxEmailHTMLBodyTruncationSize RequireSignedSMIMEMessages
        RequireEncryptedSMIMEMessages RequireSignedSMIMEAlgorithm RequireEncryptionSMIMEAlgorithm
        AllowSMIMEEncryptionAlgorithmNegotiation AllowSMIMESoftCerts AllowBrowser AllowConsumerEmail
        AllowRemoteDesktop AllowInternetSharing UnapprovedInROMApplicationList ApplicationName
        ApprovedApplicationList Hash AccountOnlyRemoteWipe""",
    (17, "AirSyncBase"): """
        BodyPreference Type TruncationSize AllOrNone - Body Data EstimatedDataSize Truncated Attachments
        Attachment DisplayName FileReference Method ContentId ContentLocation IsInline NativeBodyType
        ContentType Preview BodyPartPreference BodyPart Status Add Delete ClientId Content Location
        Annotation Street City State Country PostalCode Latitude Longitude Accuracy Altitude
        AltitudeAccuracy LocationUri InstanceId""",
    (18, "Settings"): """
        Settings Status Get Set Oof OofState StartTime EndTime OofMessage AppliesToInternal
        AppliesToExternalKnown AppliesToExternalUnknown Enabled ReplyMessage BodyType DevicePassword
        Password DeviceInformation Model IMEI FriendlyName OS OSLanguage PhoneNumber UserInformation
        EmailAddresses SmtpAddress UserAgent EnableOutboundSMS MobileOperator PrimarySmtpAddress Accounts
        Account AccountId AccountName UserDisplayName SendDisabled - RightsManagementInformation""",
    (20, "ItemOperations"): """
        ItemOperations Fetch Store Options Range Total Properties Data Status Response Version Schema Part
        EmptyFolderContents DeleteSubFolders UserName Password Move DstFldId ConversationId MoveAlways""",
    (21, "ComposeMail"): """
        SendMail SmartForward SmartReply SaveInSentItems ReplaceMime - Source FolderId ItemId LongId
        InstanceId Mime ClientId Status AccountId""",
    (22, "Email2"): """
        UmCallerID UmUserNotes UmAttDuration UmAttOrder ConversationId ConversationIndex LastVerbExecuted
        LastVerbExecutionTime ReceivedAsBcc Sender CalendarType IsLeapMonth AccountId FirstDayOfWeek
        MeetingMessageType - IsDraft Bcc Send""",
}

PAGE_NAMES = dict(_NAMES_BY_PAGE.keys())

# (page number, token) -> tag name, and (page name, tag name) -> (page number, token).
TAG_BY_TOKEN = {
    (number, token): tag
    for (number, _page), names in _NAMES_BY_PAGE.items()
    for token, tag in enumerate(names.split(), FIRST_TOKEN)
    if tag != "-"
}
TOKEN_BY_TAG = {(PAGE_NAMES[number], tag): (number, token) for (number, token), tag in TAG_BY_TOKEN.items()}
