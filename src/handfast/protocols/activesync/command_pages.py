"""The WBXML code pages of the commands: each page's tags in token order from 0x05, "-" where a token is not assigned.

Tokens of protocol version 2.5 that the document has since dropped are kept where libwbxml, Z-Push and Horde agree on
them: old phones may still send them. AirNotify is no longer in use; its tags are those of libwbxml and Z-Push. Where
sources spell a tag differently the document's spelling stands; only tokens travel.

Source: MS-ASWBXML 24.0, 2.1.2.1.1-26; compared token by token with the code of Microsoft's own protocol test suite,
libwbxml, Z-Push, Horde and pyActiveSync.
"""

from __future__ import annotations

COMMAND_PAGES = {
    (0, "AirSync"): """
        Sync Responses Add Change Delete Fetch SyncKey ClientId ServerId Status Collection
        Class Version CollectionId GetChanges MoreAvailable WindowSize Commands Options
        FilterType Truncation RTFTruncation Conflict Collections ApplicationData DeletesAsMoves
        NotifyGUID Supported SoftDelete MIMESupport MIMETruncation Wait Limit Partial
        ConversationMode MaxItems HeartbeatInterval""",
    (3, "AirNotify"): """
        Notify Notification Version LifeTime DeviceInfo Enable Folder ServerId DeviceAddress
        ValidCarrierProfiles CarrierProfile Status Responses Devices Device Id Expiry NotifyGUID
        DeviceFriendlyName""",
    (5, "Move"): """
        MoveItems Move SrcMsgId SrcFldId DstFldId Response Status DstMsgId""",
    (6, "GetItemEstimate"): """
        GetItemEstimate Version Collections Collection Class CollectionId DateTime Estimate Response Status""",
    (7, "FolderHierarchy"): """
        Folders Folder DisplayName ServerId ParentId Type Response Status ContentClass Changes Add Delete
        Update SyncKey FolderCreate FolderDelete FolderUpdate FolderSync Count Version""",
    (8, "MeetingResponse"): """
        CalendarId CollectionId MeetingResponse RequestId Request Result Status UserResponse Version
        InstanceId - ProposedStartTime ProposedEndTime SendResponse""",
    (10, "ResolveRecipients"): """
        ResolveRecipients Response Status Type Recipient DisplayName EmailAddress Certificates Certificate
        MiniCertificate Options To CertificateRetrieval RecipientCount MaxCertificates
        MaxAmbiguousRecipients CertificateCount Availability StartTime EndTime MergedFreeBusy Picture
        MaxSize Data MaxPictures""",
    (11, "ValidateCert"): """
        ValidateCert Certificates Certificate CertificateChain CheckCRL Status""",
    (13, "Ping"): """
        Ping AutdState Status HeartbeatInterval Folders Folder Id Class MaxFolders""",
    (14, "Provision"): """
        Provision Policies Policy PolicyType PolicyKey Data Status RemoteWipe EASProvisionDoc
        DevicePasswordEnabled AlphanumericDevicePasswordRequired RequireStorageCardEncryption
        PasswordRecoveryEnabled DocumentBrowseEnabled AttachmentsEnabled MinDevicePasswordLength
        MaxInactivityTimeDeviceLock MaxDevicePasswordFailedAttempts MaxAttachmentSize
        AllowSimpleDevicePassword DevicePasswordExpiration DevicePasswordHistory AllowStorageCard
        AllowCamera RequireDeviceEncryption AllowUnsignedApplications AllowUnsignedInstallationPackages
        MinDevicePasswordComplexCharacters AllowWiFi AllowTextMessaging AllowPOPIMAPEmail AllowBluetooth
        AllowIrDA RequireManualSyncWhenRoaming AllowDesktopSync MaxCalendarAgeFilter AllowHTMLEmail
        MaxEmailAgeFilter MaxEmailBodyTruncationSize MaxEmailHTMLBodyTruncationSize
        RequireSignedSMIMEMessages RequireEncryptedSMIMEMessages RequireSignedSMIMEAlgorithm
        RequireEncryptionSMIMEAlgorithm AllowSMIMEEncryptionAlgorithmNegotiation AllowSMIMESoftCerts
        AllowBrowser AllowConsumerEmail AllowRemoteDesktop AllowInternetSharing
        UnapprovedInROMApplicationList ApplicationName ApprovedApplicationList Hash
        AccountOnlyRemoteWipe""",
    (15, "Search"): """
        Search - Store Name Query Options Range Status Response Result Properties Total EqualTo Value And
        Or FreeText - DeepTraversal LongId RebuildResults LessThan GreaterThan Schema Supported UserName
        Password ConversationId Picture MaxSize MaxPictures""",
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
        InstanceId Mime ClientId Status AccountId - Forwardees Forwardee Name Email""",
    (25, "Find"): """
        Find SearchId ExecuteSearch MailBoxSearchCriterion Query Status FreeText Options Range
        DeepTraversal - - Response Result Properties Preview HasAttachments Total DisplayCc DisplayBcc
        GalSearchCriterion - - - - - - MaxPictures MaxSize Picture""",
}
